"""The command line `adquem`, as far as it needs no worker; workers/line adds the rest."""
