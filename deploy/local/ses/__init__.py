"""What moto's SES lacks: a mailbox to look into, and events about every e-mail."""
