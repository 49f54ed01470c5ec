"""What Mailman 3 takes to deliver one mail to the members of a list: run by its own Python.

Usage: python deliver.py FOLDER PORT MEMBERS MAIL.eml

Prints the seconds of one call of its delivery, with VERP and a copy of the mail for each member, to
the relay on this port. Its queues, its runners and its REST server have no part in it.
"""

import sys
from email import message_from_bytes
from pathlib import Path
from time import perf_counter

from mailman.core.initialize import initialize

_CONFIG = """\
[mailman]
layout: here
[paths.here]
var_dir: {folder}
[mta]
incoming: mailman.mta.null.NullMTA
outgoing: mailman.mta.deliver.deliver
smtp_host: 127.0.0.1
smtp_port: {port}
verp_personalized_deliveries: yes
verp_delivery_interval: 1
"""

folder, port, members, mail = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
config_file = folder / "mailman.cfg"
config_file.write_text(_CONFIG.format(folder=folder, port=port), "utf-8")
initialize(str(config_file))

from mailman.app.lifecycle import create_list  # noqa: E402 - these need what was begun
from mailman.config import config  # noqa: E402
from mailman.database.transaction import transaction  # noqa: E402
from mailman.email.message import Message  # noqa: E402
from mailman.interfaces.domain import IDomainManager  # noqa: E402
from mailman.interfaces.mailinglist import Personalization  # noqa: E402
from mailman.interfaces.usermanager import IUserManager  # noqa: E402
from mailman.utilities.datetime import now  # noqa: E402
from mailman.utilities.modules import find_name  # noqa: E402
from zope.component import getUtility  # noqa: E402

with transaction():
    getUtility(IDomainManager).add("example.org")
    mailing_list = create_list("letters@example.org")
    mailing_list.personalize = Personalization.individual
    mailing_list.send_welcome_message = False
    addresses = [f"reader{number}@example.net" for number in range(members)]
    users = getUtility(IUserManager)
    for address in addresses:
        user = users.create_user(address)
        (preferred,) = user.addresses
        preferred.verified_on = now()
        mailing_list.subscribe(preferred)

message = message_from_bytes(Path(mail).read_bytes(), Message)
message.original_size = Path(mail).stat().st_size
# As its runner calls it for such a list: every member has a copy, and bounces name their reader.
about = {"recipients": set(addresses), "verp": True, "to_list": True}
deliver = find_name(config.mta.outgoing)
started = perf_counter()
deliver(mailing_list, message, about)  # raises where the relay refused a mail
print(perf_counter() - started)
