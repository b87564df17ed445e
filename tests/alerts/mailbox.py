"""A mail server for tests: aiosmtpd on a port of its own, with STARTTLS or TLS and one user who may sign in.

mailbox.py MODE CERTIFICATE KEY; MODE is clear, starttls or tls. Prints its port, then one line of JSON for each message it
took. It refuses the recipient refused@example.com. It ends when its standard input does.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == "refused@example.com":
            return "550 5.1.1 nobody of that name here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "user": (session.auth_data.login.decode() if session.authenticated else None),
            "text": envelope.content.decode(),
        }
        print(json.dumps(told), flush=True)
        return "250 2.0.0 taken as number 7"


def lets_in(server, session, envelope, mechanism, login):
    success = (login.login, login.password) == (b"km", b"open sesame")
    # Not handled: the server itself answers a wrong one with its 535.
    return AuthResult(success=success, handled=success, auth_data=login)


async def main():
    mode, certificate, key = sys.argv[1:]
    context = None
    if mode != "clear":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

    def session():
        return SMTP(
            Mailbox(),
            authenticator=lets_in,
            auth_require_tls=mode != "tls",
            require_starttls=mode == "starttls",
            tls_context=context if mode == "starttls" else None,
        )

    loop = asyncio.get_running_loop()
    outer = context if mode == "tls" else None
    server = await loop.create_server(session, "127.0.0.1", 0, ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
