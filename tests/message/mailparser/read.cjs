// Reads messages, one base64 line each, from the file named first, with npm's `mailparser` from the
// folder named second; writes what it understood, one JSON line each.
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const [, , messages, modules] = process.argv;
const { simpleParser } = require(path.join(modules, "mailparser"));

const pairs = (field) => (field ? field.value.map((one) => [one.name, one.address]) : []);

(async () => {
  for await (const line of readline.createInterface({ input: fs.createReadStream(messages) })) {
    const mail = await simpleParser(Buffer.from(line, "base64"), {
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipTextLinks: true,
      skipImageLinks: true,
    });
    const read = {
      from: pairs(mail.from),
      to: pairs(mail.to),
      cc: pairs(mail.cc),
      bcc: pairs(mail.bcc),
      replyTo: pairs(mail.replyTo),
      subject: mail.subject ?? "",
      date: mail.date.getTime() / 1000,
      messageId: mail.messageId,
      once: ["date", "message-id", "mime-version", "from"].map(
        (name) => mail.headerLines.filter((one) => one.key === name).length,
      ),
      text: mail.text ?? null,
      html: mail.html || null,
      files: mail.attachments.map((one) => [
        one.filename,
        one.contentType,
        one.content.toString("base64"),
        one.cid ?? null,
        one.contentDisposition,
      ]),
    };
    console.log(JSON.stringify(read));
  }
})();
