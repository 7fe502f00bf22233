"""Reference packs that come with GAS, and how they are made."""
