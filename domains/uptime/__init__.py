"""Whether a domain's website answers: probes, what they amount to, and how that is shown."""
