"""The command line `adquem`, as far as it needs no worker; workers/__main__ adds the rest."""
