"""A newsletter and feed publisher: posts become pages, feeds and a digest, mailed once each.

The words (each is the only one for its thing, in code, tables, pages and docs):

post         one Markdown article in ``posts/``
series       an ordered run of posts; a post's place in it is its part, from 1
digest       a recurring mailing that staff schedule
slot         one planned moment of a digest: local wall time and zone
edition      one numbered mailing of a digest for one slot, ``weekly/12``
correction   an edition for those who have another one, ``correction:weekly/1``
rehearsal    an edition delivered to the outbox: everything but the sending
letter       an edition's mail for one set of its posts, before it is addressed
notice       a transactional mail: confirm, welcome, sign-in, erase, alert
delivery     one letter to one subscriber: the ledger's row
receipt      the fact that this subscriber has this post

The layers (imports point down only; ``pyproject.toml`` holds the contract):

cli          commands
web          pages for people: the site as files, and the few that act
engine       the clock and the threads
app          the composition root: the only place that strings use cases together
use cases    publishing, editing, delivering, subscribing, writing, feedback, staffing, moving, operating
store        the only SQL
edges        posts, site, transport, inbox, exchange, notify, probes: files and sockets
renderers    feeds, pages, letters, notices, mail: bytes from values
config       what config.toml says
judgement    editorial, deliverability, preflight, bounces, tokens: pure
shared       urls, headers, look, renditions, compiled: addresses, what servers say of files, design tokens,
             compression, templates that were read
model        the nouns
errors       what we did wrong; what the remote said is a value, never an exception
"""

__version__ = "0.1.0"
