"""A report of one commit, for whoever checks it: a page, a document, or tables. Nothing is changed by it."""
