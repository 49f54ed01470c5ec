"""Pages for people over HTTP: the site as files, and the few pages that act.

``site`` hands out ``public/`` and needs no database; whatever is not a file goes on to the rest.
"""
