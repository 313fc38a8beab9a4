"""Pages in HTML, from templates/pages; plain, without scripts."""
