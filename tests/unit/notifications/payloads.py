"""What people try where they hope that a template engine reads their text."""

from itertools import product

# Nothing here is a name of ours between double braces: all of it stands for itself.
INNER = (
    "settings.SECRET_KEY",
    "7*7",
    "''.__class__.__mro__[1].__subclasses__()",
    "config.items()",
    "self._TemplateReference__context",
    "request.user.password",
    "domain|safe",
    "domain.workspace.members",
    "domain|attr('__class__')",
    "cycler.__init__.__globals__.os.popen('id').read()",
    "forms.password",
    "x|join:y",
    "constructor.constructor('return process')()",
    "#with split as |s|",
    "'a'.toUpperCase()",
    "include '/etc/passwd'",
    "range.constructor('return global')()",
    "DOMAIN",
    "_self.env.display('id')",
    "issuer()",
)
FRAMES = (
    "{{%s}}",
    "{{ %s }}",
    "{%% %s %%}",
    "{%%- %s -%%}",
    "${%s}",
    "#{%s}",
    "<%%= %s %%>",
    "{# %s #}",
    "[[%s]]",
    "@(%s)",
)
PAYLOADS = [frame % inner for inner, frame in product(INNER, FRAMES)]
