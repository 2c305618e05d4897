"""What moves with satisfaction: asymmetric and Kano factors, logit weights, validation."""
