// What a script sees beyond the language: arg, send_email, console, exit. See inspect.js.

const host = everything.__postroad_host;
delete everything.__postroad_host;
// Where the child puts the reason of a rejection; it takes the object from the global at once, so
// that no setter of the script's can ever stand in between.
const unhandled = { __proto__: null, reason: undefined };
everything.__postroad_unhandled = unhandled;
// What they throw is no Error: its stack would show this prelude, and no script's name.
delete everything.DOMException;
delete everything.atob;
delete everything.btoa;
const evaluate = everything.eval;
const promiseThen = uncurry(Promise.prototype.then);
const MemoryError = InternalError;
let settings;

const asGlobal = (name, value) =>
  define(everything, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

// --- stacks -----------------------------------------------------------------------------------

const stackProperty = describe(Error.prototype, 'stack');
const engineStack = uncurry(stackProperty.get);
const engineCapture = Error.captureStackTrace;
// A function of the script's here would be handed the prelude's frames, with their functions; a
// lower limit would cost errors their positions.
const fixed = (value) => ({ __proto__: null, value, writable: false, enumerable: false, configurable: false });
define(Error, 'prepareStackTrace', fixed(undefined));
define(Error, 'stackTraceLimit', fixed(10));

/**
 * The engine's stack as lines that name the script, and the place of the first.
 *
 * Frames of this prelude are left out, and with them the native functions it called.
 */
function framesOf(raw) {
  const lines = [];
  let natives = [];
  let place = '';
  let begin = 0;
  for (let end = find(raw, '\n'); end >= 0; end = find(raw, '\n', begin)) {
    const line = slice(raw, begin, end);
    begin = end + 1;
    const found = match(/^    at (?:([^]*) \()?<input>:([0-9]+)(:[0-9]+)\)?$/, line);
    if (found === null) {
      push(natives, line);
      continue;
    }
    if (+found[2] > settings.prelude_line) {
      natives = [];
      continue;
    }
    for (let i = 0; i < natives.length; i++) push(lines, natives[i]);
    natives = [];
    const here = `${settings.name}:${found[2]}${found[3]}`;
    if (place === '') place = here;
    const name = found[1];
    push(lines, name === undefined || name === '<eval>' ? `    at ${here}` : `    at ${name} (${here})`);
  }
  for (let i = 0; i < natives.length; i++) push(lines, natives[i]);
  return { __proto__: null, text: join(lines, '\n'), place };
}

function named(error, raw) {
  const head = attempt(errorText, error) || 'Error';
  const { text } = framesOf(raw);
  return text === '' ? head : `${head}\n${text}`;
}

define(Error.prototype, 'stack', {
  __proto__: null,
  get() {
    const raw = engineStack(this);
    return typeof raw === 'string' ? named(this, raw) : raw;
  },
  set: stackProperty.set,
  enumerable: false,
  configurable: true,
});

if (typeof engineCapture === 'function') {
  Error.captureStackTrace = function captureStackTrace(target, until) {
    apply(engineCapture, AnyError, [target, until]);
    const property = describe(target, 'stack');
    if (property !== undefined && typeof property.value === 'string') {
      property.value = named(target, property.value);
      define(target, 'stack', property);
    }
  };
}

// --- errors nobody caught ---------------------------------------------------------------------

/** Tell the parent and end: nothing after this runs. */
function uncaught(error, what) {
  if (error === null) host('threw null', '');
  let text;
  try {
    if (isInstance(MemoryError, error) && error.message === 'out of memory') host('stopped', 'memory');
    const isObject = (typeof error === 'object' && error !== null) || typeof error === 'function';
    const raw = isObject && isError(error) ? attempt(engineStack, error) : undefined;
    const place = typeof raw === 'string' ? framesOf(raw).place : '';
    text = `${place || settings.name}: ${what}${raw === undefined ? 'uncaught ' : ''}${inspect(error)}`;
  } catch {
    text = `${settings.name}: ${what}an exception that cannot be shown`;
  }
  if (text.length > 30000) text = `${slice(text, 0, 30000)} ...`;
  host('threw', stringify(text));
}

const rejected = (reason) => uncaught(reason, 'unhandled rejection: ');

const engineQueueMicrotask = everything.queueMicrotask;
if (typeof engineQueueMicrotask === 'function') {
  asGlobal('queueMicrotask', function queueMicrotask(job) {
    if (typeof job !== 'function') throw new WrongType('queueMicrotask needs a function');
    engineQueueMicrotask(() => {
      try {
        job();
      } catch (error) {
        uncaught(error, '');
      }
    });
  });
}

// --- console ----------------------------------------------------------------------------------

function print(stream, values) {
  const text = `${format(values)}\n`;
  if (text.length > settings.max_output_octets) host('stopped', 'output');
  host(stream, stringify(text));
}

asGlobal('console', {
  log(...values) {
    print('out', values);
  },
  info(...values) {
    print('out', values);
  },
  debug(...values) {
    print('out', values);
  },
  warn(...values) {
    print('err', values);
  },
  error(...values) {
    print('err', values);
  },
});

// --- exit -------------------------------------------------------------------------------------

asGlobal('exit', function exit(code) {
  if (code === undefined || code === null) code = 0;
  if (!isInteger(code) || code < 0 || code > 255) {
    throw new WrongRange(`exit takes a whole number from 0 to 255, not ${inspect(code)}`);
  }
  host('exit', `${code}`);
});

// --- send_email -------------------------------------------------------------------------------

const MAX_NESTING = 64; // attachments[0].filename is three deep

/** Why a config cannot cross; `message` is for the result's `error`. */
class CannotCross {
  message; // its own, whatever stands on Object.prototype
  constructor(message) {
    this.message = message;
  }
}

const field = (path, key) =>
  typeof key === 'number' ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;

const shownPath = (path) => (path === '' ? 'config' : path);

/** The JSON of `value`, refusing what JSON would drop or change in silence. */
function encode(value, path, open) {
  switch (typeof value) {
    case 'string':
      return stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (value - value !== 0) {
        throw new CannotCross(`${shownPath(path)}: ${value} is a number JSON cannot carry`);
      }
      return `${value}`;
    case 'undefined':
      return 'null';
    case 'object':
      if (value === null) return 'null';
      return encodeObject(value, path, open);
    default: {
      const what = typeof value === 'bigint' ? 'a BigInt' : `a ${typeof value}`;
      throw new CannotCross(`${shownPath(path)}: ${what} cannot be carried by JSON`);
    }
  }
}

function encodeObject(value, path, open) {
  for (let i = 0; i < boxes.length; i++) {
    const inner = attempt(unbox[boxes[i]], value);
    if (inner !== undefined) return encode(inner, path, open);
  }
  const time = attempt(dateNumber, value);
  if (time !== undefined) {
    if (time === time) return stringify(dateIso(value));
    throw new CannotCross(`${shownPath(path)}: an invalid Date cannot be carried by JSON`);
  }
  const kind = slice(brand(value), 8, -1);
  if (indexOf(UNCARRIED, kind) >= 0 || typedArrayName(value) !== undefined) {
    throw new CannotCross(`${shownPath(path)}: a value of type ${kind} cannot be carried by JSON`);
  }
  const circle = indexOf(open, value);
  if (circle >= 0) throw new CannotCross(`${shownPath(path)}: a circle cannot be carried by JSON`);
  if (open.length >= MAX_NESTING) throw new CannotCross(`${shownPath(path)}: nested too deeply`);
  push(open, value);
  const parts = [];
  const isList = isArray(value);
  if (isList) {
    for (let i = 0; i < value.length; i++) push(parts, encode(value[i], field(path, i), open));
  } else {
    const keys = ownKeys(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      if (typeof key !== 'string' || !isEnumerable(value, key)) continue;
      const item = value[key];
      if (item === undefined) continue;
      push(parts, `${stringify(key)}:${encode(item, field(path, key), open)}`);
    }
  }
  pop(open);
  const inside = join(parts, ',');
  return isList ? `[${inside}]` : `{${inside}}`;
}

const UNCARRIED = ['Map', 'Set', 'WeakMap', 'WeakSet', 'Promise', 'ArrayBuffer', 'DataView', 'RegExp', 'Error'];

const failure = (error) =>
  ({ code: -1, log: '', error, message_id: '', phase: 'config', hint: '' });

asGlobal('send_email', function send_email(config) {
  let request;
  try {
    if (typeof config !== 'object' || config === null || isArray(config)) {
      return failure(`config: send_email needs one object, not ${config === undefined ? 'undefined' : inspect(config, 0)}`);
    }
    request = join([encode(config, '', [])], '');
    if (request.length > settings.max_request_octets) {
      return failure(`config: larger than ${settings.max_request_octets} octets`);
    }
  } catch (error) {
    if (isInstance(CannotCross, error)) return failure(error.message);
    return failure(`config: cannot be read: ${attempt(inspectShort, error) || 'an exception'}`);
  }
  return parse(host('send', request));
});

const inspectShort = (error) => (isError(error) ? errorText(error) : inspect(error, 0));

// --- the way in -------------------------------------------------------------------------------

function run() {
  let last;
  try {
    last = evaluate(settings.source);
  } catch (error) {
    uncaught(error, '');
  }
  if (settings.watches_last_value) attempt((value) => promiseThen(value, undefined, rejected), last);
}

return (what, text) => {
  if (what === 'prepare') {
    delete everything.__postroad_unhandled;
    settings = parse(text);
    asGlobal('arg', parse(settings.config).arg ?? {});
    settings.config = undefined; // it may be large
  } else if (what === 'run') {
    run();
  } else if (what === 'rejected') {
    rejected(unhandled.reason);
  }
};
