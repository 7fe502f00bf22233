"""The utility server: e-mails owners about their jobs, and hears from SES what became of each e-mail."""
