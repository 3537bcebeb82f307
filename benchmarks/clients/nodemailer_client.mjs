// Sends with nodemailer's pool. Argument: the task as JSON (fields.py).
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const nodemailer = createRequire(`${process.env.NODEMAILER_FOLDER}/`)("nodemailer");
const fields = JSON.parse(readFileSync(new URL("fields.json", import.meta.url), "utf8"));
const task = JSON.parse(process.argv[2]);

const transporter = nodemailer.createTransport({
  pool: true,
  maxConnections: task.connections,
  maxMessages: Infinity,
  host: "127.0.0.1",
  port: task.port,
  secure: false,
  ignoreTLS: true,
});

function message(number) {
  const names = fields.to.names;
  return {
    from: { name: fields.from.name, address: fields.from.email },
    to: { name: names[number % names.length], address: fields.to.email.replace("%d", number) },
    subject: fields.subject.replace("%d", number),
    text: fields.text.replace("%d", number),
    html: fields.html.replace("%d", number),
  };
}

// The pool's queue always holds a few messages for each connection, and never all of them.
async function send(first, count) {
  let next = first;
  let accepted = 0;
  async function work() {
    while (next < first + count) {
      const info = await transporter.sendMail(message(next++));
      if (info.accepted.length === 1 && info.rejected.length === 0) accepted += 1;
    }
  }
  await Promise.all(Array.from({ length: 4 * task.connections }, work));
  return accepted;
}

let accepted = await send(0, task.warm_up);
const began = process.hrtime.bigint();
const cpu = process.cpuUsage();
accepted += await send(task.warm_up, task.count);
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ accepted, seconds, cpu_seconds: (user + system) / 1e6 }));
transporter.close();
