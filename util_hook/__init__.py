"""The utility server: e-mails owners, hears from SES what became of each e-mail, and moves files to the archive and back."""
