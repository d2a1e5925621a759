// Prints what the official parser finds in an AsyncAPI document, as JSON: a list of {severity, code, message, path}.
// Severity 0 is an error, 1 a warning, 2 a piece of information, 3 a hint. NODE_PATH says where the parser is.
const { Parser, fromFile } = require("@asyncapi/parser");

fromFile(new Parser(), process.argv[2])
  .parse()
  .then(({ document, diagnostics }) => {
    const found = diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join(".") }));
    console.log(JSON.stringify({ channels: document ? document.channels().length : 0, found }));
  });
