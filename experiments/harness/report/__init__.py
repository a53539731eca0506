"""`./kurma report`: one page from the results of the experiments. See README.md."""
