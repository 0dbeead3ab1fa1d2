"""Words of this room's codes."""

from config.lib.errors import Entry, register

register(
    {
        "secret_unreadable": Entry(
            "A stored secret does not open",
            "None of the configured encryption keys fits it, or the row was changed outside of the portal.",
            "Put the key it was sealed with into SECRETS_ENCRYPTION_KEYS_OLD, or enter the secret again.",
        ),
        "encryption_key_missing": Entry(
            "This process holds no encryption key",
            "The {role} role runs without one, on purpose.",
            "Run this work in a worker of the work role.",
        ),
        "job_quarantined": Entry(
            "Stopped after {claims} attempts that ended without a result",
            "The worker died or lost its lease each time it tried.",
            "Read the worker's log for this row, then start it again by hand.",
        ),
        "not_signed_in": Entry(
            "You are not signed in",
            "The request carried neither an API token nor a signed-in session.",
            "Send `Authorization: Bearer mmc_…` with a token of this workspace, or sign in.",
        ),
        "token_refused": Entry(
            "The API token is not accepted",
            "It is mistyped, expired or revoked, or the person who made it has left the workspace.",
            "Make a new token under Settings, API tokens.",
        ),
        "not_found": Entry(
            "There is nothing here",
            "No such row exists in this workspace, or no such address in the API.",
            "Check the id, and that the token belongs to the workspace you mean.",
        ),
        "role_too_low": Entry(
            "Your role does not allow this",
            "Members view domains, alerts and activity; everything else takes an admin.",
            "Ask an admin of the workspace, or use a token with the role admin.",
        ),
        "scope_missing": Entry(
            "The API token lacks the scope {scope}",
            "This operation needs it, and tokens can do only what their scopes say.",
            "Make a token with the scope {scope} under Settings, API tokens.",
        ),
        "key_scope_required": Entry(
            "The API token lacks the scope keys",
            "What contains a private key leaves the portal only by a token that was made for it.",
            "Make a token with the scope keys under Settings, API tokens.",
        ),
        "email_unverified": Entry(
            "The e-mail address is not verified yet",
            "Proving ownership, issuing, SSH, invitations and tokens wait until the address is known to be yours.",
            "Open the link in the verification mail, or ask for a new one under E-mail address.",
        ),
        "address_undo_over": Entry(
            "This link no longer undoes anything",
            "It works for seven days and once, and not when somebody else has confirmed the address meanwhile.",
            "Write to whoever runs this portal if the account is still in strange hands.",
        ),
        "second_factor_required": Entry(
            "This workspace asks for two-step sign-in",
            "The admins let in only people whose account has an authenticator app or a passkey.",
            "Add one under Two-step sign-in in the menu at the top right; then everything opens again.",
        ),
        "second_factor_of_your_own_first": Entry(
            "Add a second factor to your own account first",
            "The rule holds for everybody, and would shut you out of your own workspace.",
            "Add an authenticator app or a passkey under Two-step sign-in, then switch the rule on.",
        ),
        "reauthentication_needed": Entry(
            "Confirm that it is you",
            "Private keys and changes of the team need a proof of who you are from the last 10 minutes.",
            "Confirm it on the portal's page, as it offers, or use an API token with the scope that this needs.",
        ),
        "csrf_failed": Entry(
            "The CSRF token is missing or wrong",
            "A change by a signed-in session must carry the token of its cookie.",
            "Send the X-CSRFToken header, or use an API token.",
        ),
        "workspace_missing": Entry(
            "Which workspace?",
            "You belong to several workspaces, or to none.",
            "Add ?workspace=<id> to the address.",
        ),
        "input_invalid": Entry(
            "The input does not fit",
            "These fields were refused: {names}.",
            "See `fields` for what is wrong with each.",
        ),
        "request_malformed": Entry(
            "The request cannot be read",
            "Its address or its form has too many fields, or is broken.",
            "Send what the operation takes, and the body as JSON.",
        ),
        "method_not_allowed": Entry(
            "The address does not take {method}",
            "It takes {allowed}.",
            "See the API page of the documentation for what each address takes.",
        ),
        "body_malformed": Entry(
            "The request's body cannot be read",
            "It is not a JSON object in UTF-8.",
            "Send a JSON object with Content-Type: application/json.",
        ),
        "body_too_large": Entry(
            "The request's body is too large",
            "At most 2 MB are read.",
            "Send less in one request.",
        ),
        "too_many_requests": Entry(
            "Too many requests",
            "More than {limit} within one minute.",
            "Wait for as many seconds as the Retry-After header says.",
        ),
        "internal_error": Entry(
            "Something went wrong here",
            "This is a fault of the portal; it has been written to the log.",
            "Try again; if it stays, tell whoever runs this portal.",
        ),
        "google_post_incomplete": Entry(
            "Google's answer did not arrive whole",
            "It must be posted by Google's page, together with a cookie that Google's button has set in this browser.",
            "Start again. If your browser blocks cookies for this site, allow them.",
        ),
        "google_started_elsewhere": Entry(
            "This sign-in is not under way any more",
            "It was started more than 10 minutes ago, in another browser or tab, or has been used already.",
            "Start again in this browser.",
        ),
        "google_token_refused": Entry(
            "Google's answer could not be verified",
            "It was not signed by Google for this portal and for this sign-in, or its time does not fit.",
            "Start again. If it stays, whoever runs this portal checks GOOGLE_CLIENT_ID and the server's clock.",
        ),
        "google_email_unverified": Entry(
            "Google does not vouch for your e-mail address",
            "Google has not verified yet that the address of this Google account is yours.",
            "Verify the address at Google and start again, or sign in with a password.",
        ),
        "google_unreachable": Entry(
            "Google cannot be asked just now",
            "The keys that Google signs with could not be fetched. Nothing was changed.",
            "Try again in a minute, or use your password.",
        ),
        "google_other_account": Entry(
            "That is another Google account",
            "Yours is connected to {email}; nothing else proves that it is you.",
            "Try again and choose that one, or confirm in another way.",
        ),
        "google_taken": Entry(
            "This Google account signs somebody else in",
            "{email} is connected to another account of this portal, and can sign in only one.",
            "Sign in to that account and disconnect Google there first, or choose another Google account.",
        ),
        "google_connected_already": Entry(
            "Another Google account is connected already",
            "It is {email}; an account has at most one.",
            "Disconnect that one first.",
        ),
        "google_last_way_in": Entry(
            "Google is your only way in",
            "Your account has no password, so nobody could sign in to it without Google.",
            "Set a password first, then disconnect Google.",
        ),
        "token_scopes_missing": Entry(
            "A token needs at least one scope",
            "Without read, write or keys it could do nothing.",
            "Choose what the token may do.",
        ),
        "last_admin": Entry(
            "{email} is the only admin here",
            "Without an admin nobody could manage the workspace any more.",
            "Make somebody else admin first, or delete the workspace.",
        ),
        "already_member": Entry(
            "{email} is a member of this workspace already",
            "An invitation would change nothing.",
            "To give another role, change it under Team.",
        ),
        "invitations_full": Entry(
            "{limit} invitations are open already",
            "A workspace has no more than that at a time; expired ones count until they are revoked.",
            "Revoke those that nobody will use, then invite again.",
        ),
        "invitation_mails_spent": Entry(
            "Too many invitation mails",
            "{limit} were sent within a day, which is the most for one {of}.",
            "Invite again later.",
        ),
        "invitation_over": Entry(
            "This invitation is no longer open",
            "It was used, has expired or was revoked, or whoever sent it may no longer invite.",
            "Ask an admin of the workspace to invite you again.",
        ),
        "invitation_not_yours": Entry(
            "This invitation is for another address",
            "Only an account that has confirmed the invited address can use it.",
            "Sign in with that account, or create it.",
        ),
        "last_admin_elsewhere": Entry(
            "{email} is the only admin of {names}",
            "Other people are members there, and without an admin nobody could manage it any more.",
            "Make somebody else admin there first, or delete it.",
        ),
        "too_many_workspaces": Entry(
            "Enough new workspaces for today",
            "At most {most} are made per person and day.",
            "Make the next one tomorrow.",
        ),
        "workspace_still_written": Entry(
            "Something was still being written to the workspace",
            "A request that had begun before the deletion ended during it.",
            "Nothing: the deletion goes on by itself.",
        ),
    }
)
