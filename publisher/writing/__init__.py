"""Writing posts and having them reviewed: the files stay the truth, and nobody's text is lost.

opening    a post's file as somebody begins to edit it
saving     compare and swap: a file that changed meanwhile is shown, never overwritten
folder     the folder of posts as it is written to: one hand at a time
pictures   images into a post's own folder
ordering   the parts of a series: gaps, doubles, moves
keeping    what is not saved yet, and who else is writing
commenting what is said of single paragraphs, and the text with it as a reviewer reads it
reviewing  asking, approving this exact text, asking for changes

The pages that staff see are the console's; nothing here knows of the web.
"""

from publisher.writing.commenting import MOST_SAID, Reading, answer_comment, comment, read_text
from publisher.writing.folder import find_path
from publisher.writing.keeping import Colleague, forget_draft, keep_draft, look_around, read_draft
from publisher.writing.opening import Opened, open_post, show_body
from publisher.writing.ordering import (
    Moved,
    Numbered,
    Order,
    begin_series,
    close_gaps,
    move_part,
    read_order,
)
from publisher.writing.pictures import Added, add_picture
from publisher.writing.reviewing import (
    LINK_HOURS,
    Exact,
    Review,
    Waiting,
    approve,
    ask_for_changes,
    ask_review,
    list_waiting,
    look,
    make_link,
    open_requests,
    peek_link,
    read_exact,
    use_link,
)
from publisher.writing.saving import Conflict, Edit, Saved, begin_post, new_post, rename, save

__all__ = [
    "LINK_HOURS",
    "MOST_SAID",
    "Added",
    "Colleague",
    "Conflict",
    "Edit",
    "Exact",
    "Moved",
    "Numbered",
    "Opened",
    "Order",
    "Reading",
    "Review",
    "Saved",
    "Waiting",
    "add_picture",
    "answer_comment",
    "approve",
    "ask_for_changes",
    "ask_review",
    "begin_post",
    "begin_series",
    "close_gaps",
    "comment",
    "find_path",
    "forget_draft",
    "keep_draft",
    "list_waiting",
    "look",
    "look_around",
    "make_link",
    "move_part",
    "new_post",
    "open_post",
    "open_requests",
    "peek_link",
    "read_draft",
    "read_exact",
    "read_order",
    "read_text",
    "rename",
    "save",
    "show_body",
    "use_link",
]
