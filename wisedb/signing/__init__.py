"""Signatures as git makes them: by SSH keys through ssh-keygen, by OpenPGP keys through gpg; no cryptography here."""
