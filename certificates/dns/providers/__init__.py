"""Records at DNS providers: a table of kinds, one child process for each visit, and who removes what was made."""
