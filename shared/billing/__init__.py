"""Plans and payment: the only place that speaks with Stripe."""
