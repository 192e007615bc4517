"""Find better settings of the models on the validation fold, and keep them."""
