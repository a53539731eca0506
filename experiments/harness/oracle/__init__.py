"""`./kurma oracle`: the same program on the bare platform and on Kurma must say the same, word for word."""
