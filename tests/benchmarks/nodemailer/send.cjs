// Sends so many mails by a pool of nodemailer, each composed for its reader; prints the seconds.
// Usage: send.cjs PORT COUNT LETTER
const fs = require("node:fs");
const nodemailer = require("nodemailer");

const [port, count, file] = process.argv.slice(2);
const letter = JSON.parse(fs.readFileSync(file, "utf8"));
const pool = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(port),
  pool: true,
  maxConnections: 8,
  maxMessages: Infinity,
  ignoreTLS: true,
});

async function main() {
  const started = process.hrtime.bigint();
  const sent = [];
  for (let number = 0; number < Number(count); number += 1) {
    const link = `https://example.org/u/${number}`;
    sent.push(
      pool.sendMail({
        from: "Letters <letters@example.org>",
        to: `reader${number}@example.net`,
        subject: letter.subject,
        text: letter.text.replaceAll("@@UNSUBSCRIBE_URL@@", link),
        html: letter.html.replaceAll("@@UNSUBSCRIBE_URL@@", link),
        list: { unsubscribe: link },
      }),
    );
  }
  await Promise.all(sent);
  pool.close();
  process.stdout.write(String(Number(process.hrtime.bigint() - started) / 1e9));
}

main();
