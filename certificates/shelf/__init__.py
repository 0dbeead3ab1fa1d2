"""What is on file: the list, the page of a certificate, giving it out, revoking it."""
