"""The edge that reads Markdown: files in, posts and their rendered bodies out.

files        what lies in the folder; the bytes of one post
frontmatter  YAML, each key with its line, and writing it
fields       what front matter and series.toml may say
reading      bytes to a Post, with every problem of the file
body         Markdown to the sanitised text of a post
markdown     the two libraries that do it: pulldown-cmark and ammonia
notes        footnotes and citations as one numbered list
images       sizes
"""
