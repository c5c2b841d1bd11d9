"""Language models and embedders: the only folder beside training/ that knows torch and transformers."""
