"""Mails: sandboxed templates, their variables, what is built from them, and who sends it."""
