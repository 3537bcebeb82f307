// How Node prints a value: `inspect` for one, `format` for a console call's arguments.
//
// The text of this file and of prelude.js stand in one function that runs before the script. What
// they use of the language is taken here, once: a script may replace Array.prototype.map or
// JSON.stringify as it likes. For the same reason there is no for-of, no spread and no
// destructuring of arrays (they ask Array.prototype for its iterator).

const apply = Reflect.apply;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const ownKeys = Reflect.ownKeys;
const prototypeOf = Reflect.getPrototypeOf;
const define = Reflect.defineProperty;
const engineDescribe = Reflect.getOwnPropertyDescriptor;
const setPrototype = Reflect.setPrototypeOf;
/** A descriptor on its own: a script may have put `value` or `get` on Object.prototype. */
const describe = (object, key) => {
  const property = engineDescribe(object, key);
  if (property !== undefined) setPrototype(property, null);
  return property;
};
const everything = globalThis;
const AnyError = Error;
const WrongType = TypeError;
const WrongRange = RangeError;
const isArray = Array.isArray;
const isInteger = Number.isInteger;
const toText = String;
const toNumber = Number;
const parseInteger = Number.parseInt;
const parseDecimal = Number.parseFloat;
const isInstance = uncurry(Function.prototype[Symbol.hasInstance]);
const hasOwn = uncurry(Object.prototype.hasOwnProperty);
const isEnumerable = uncurry(Object.prototype.propertyIsEnumerable);
const brand = uncurry(Object.prototype.toString);
/** Append; unlike Array.prototype.push it calls no setter a script put on Array.prototype. */
const push = (list, value) =>
  define(list, list.length, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
const pop = uncurry(Array.prototype.pop);
const join = uncurry(Array.prototype.join);
const indexOf = uncurry(Array.prototype.indexOf);
const remove = (list, index) => {
  for (let i = index; i + 1 < list.length; i++) list[i] = list[i + 1];
  pop(list);
};
const has = uncurry(String.prototype.includes);
const find = uncurry(String.prototype.indexOf);
const startsWith = uncurry(String.prototype.startsWith);
const endsWith = uncurry(String.prototype.endsWith);
const slice = uncurry(String.prototype.slice);
const repeat = uncurry(String.prototype.repeat);
const padStart = uncurry(String.prototype.padStart);
const padEnd = uncurry(String.prototype.padEnd);
const unitAt = uncurry(String.prototype.charCodeAt);
const pointAt = uncurry(String.prototype.codePointAt);
const upperCase = uncurry(String.prototype.toUpperCase);
const numberText = uncurry(Number.prototype.toString);
const match = uncurry(RegExp.prototype.exec);
const stringify = JSON.stringify;
const parse = JSON.parse;
const mapEach = uncurry(Map.prototype.forEach);
const setEach = uncurry(Set.prototype.forEach);
const getter = (object, key) => uncurry(describe(object, key).get);
const mapSize = getter(Map.prototype, 'size');
const setSize = getter(Set.prototype, 'size');
const typedArrayName = getter(prototypeOf(Uint8Array.prototype), Symbol.toStringTag);
const typedArrayLength = getter(prototypeOf(Uint8Array.prototype), 'length');
const bufferLength = getter(ArrayBuffer.prototype, 'byteLength');
const regExpText = uncurry(RegExp.prototype.toString);
const dateNumber = uncurry(Date.prototype.getTime);
const dateIso = uncurry(Date.prototype.toISOString);
const functionText = uncurry(Function.prototype.toString);
const symbolText = uncurry(Symbol.prototype.toString);
const symbolDescription = getter(Symbol.prototype, 'description');
const errorText = uncurry(Error.prototype.toString);
const weakMapHas = uncurry(WeakMap.prototype.has);
const weakSetHas = uncurry(WeakSet.prototype.has);
const unbox = {
  __proto__: null,
  Number: uncurry(Number.prototype.valueOf),
  String: uncurry(String.prototype.valueOf),
  Boolean: uncurry(Boolean.prototype.valueOf),
  BigInt: uncurry(BigInt.prototype.valueOf),
  Symbol: uncurry(Symbol.prototype.valueOf),
};
const boxes = ownKeys(unbox);
const tagSymbol = Symbol.toStringTag;
const floor = Math.floor;
const round = Math.round;
const sqrt = Math.sqrt;
const max = Math.max;
const min = Math.min;

// The engine turns `a${b}` into a call of concat, by name: the one method that stays as it is.
define(String.prototype, 'concat', { __proto__: null, writable: false, configurable: false });

const LINE = 80; // Node's breakLength
const COMBINE = 3; // Node's compact: so many innermost levels may share a line
const MAX_ITEMS = 100; // of an array, a set or a map
const MAX_STRING = 10000; // of a string inside something

/** What `test(value)` returns, or undefined when it throws: a brand check. */
function attempt(test, value) {
  try {
    return test(value);
  } catch {
    return undefined;
  }
}

const isError = (value) => brand(value) === '[object Error]' || isInstance(AnyError, value);

// --- text -------------------------------------------------------------------------------------

const ESCAPES = { __proto__: null, 8: '\\b', 9: '\\t', 10: '\\n', 12: '\\f', 13: '\\r', 92: '\\\\' };

function escapeUnit(unit) {
  const digits = numberText(unit, 16);
  return unit > 0xff ? `\\u${digits}` : `\\x${padStart(upperCase(digits), 2, '0')}`;
}

/** The text with what cannot be shown escaped; `mark` is escaped too. */
function escaped(text, mark) {
  let out = '';
  let begin = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = unitAt(text, i);
    let replacement;
    if (ESCAPES[unit] !== undefined) replacement = ESCAPES[unit];
    else if (unit === 39 && mark === "'") replacement = "\\'";
    else if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) replacement = escapeUnit(unit);
    else if (unit >= 0xd800 && unit <= 0xdfff) {
      const next = i + 1 < text.length ? unitAt(text, i + 1) : 0;
      if (unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
        i++;
        continue;
      }
      replacement = escapeUnit(unit);
    } else continue;
    out += slice(text, begin, i) + replacement;
    begin = i + 1;
  }
  return out + slice(text, begin);
}

/** A string in the quotation marks that need no escaping, single ones first. */
function quote(text) {
  let mark = "'";
  if (has(text, "'")) {
    if (!has(text, '"')) mark = '"';
    else if (!has(text, '`') && !has(text, '${')) mark = '`';
  }
  return mark + escaped(text, mark) + mark;
}

const WIDE = [
  0x1100, 0x115f, 0x2329, 0x232a, 0x2e80, 0x303e, 0x3041, 0x3247, 0x3250, 0x4dbf, 0x4e00, 0xa4c6,
  0xa960, 0xa97c, 0xac00, 0xd7a3, 0xf900, 0xfaff, 0xfe10, 0xfe19, 0xfe30, 0xfe6b, 0xff01, 0xff60,
  0xffe0, 0xffe6, 0x1b000, 0x1b001, 0x1f200, 0x1f251, 0x1f300, 0x1f64f, 0x1f900, 0x1f9ff, 0x20000,
  0x3fffd,
];

/** Columns on a terminal: a hangul or han character takes two. */
function width(text) {
  let columns = 0;
  for (let i = 0; i < text.length; i++) {
    const point = pointAt(text, i);
    if (point > 0xffff) i++;
    let size = 1;
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) size = 0;
    else if ((point >= 0x300 && point <= 0x36f) || (point >= 0x200b && point <= 0x200f)) size = 0;
    else if ((point >= 0x20d0 && point <= 0x20ff) || (point >= 0xfe00 && point <= 0xfe2f)) size = 0;
    else {
      for (let j = 0; j < WIDE.length && point >= WIDE[j]; j += 2) {
        if (point <= WIDE[j + 1]) size = 2;
      }
    }
    columns += size;
  }
  return columns;
}

const numeral = (value) => (value === 0 && 1 / value < 0 ? '-0' : `${value}`);

const more = (count) => `... ${count} more item${count > 1 ? 's' : ''}`;

// --- values -----------------------------------------------------------------------------------

/** The value as Node prints it; `depth` levels below it, hidden properties too if asked. */
function inspect(value, depth = 2, showHidden = false) {
  const view = {
    __proto__: null,
    depth,
    showHidden,
    indent: 0, // columns the present value stands in
    deepest: 0, // the level visited last
    open: [], // the objects around the present value
    circles: [], // those of them that something inside refers to
  };
  return show(view, value, 0);
}

function show(view, value, level) {
  switch (typeof value) {
    case 'string':
      return showString(view, value);
    case 'number':
      return numeral(value);
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return symbolText(value);
    case 'object':
    case 'function':
      if (value === null) return 'null';
      if (indexOf(view.open, value) >= 0) {
        if (indexOf(view.circles, value) < 0) push(view.circles, value);
        return `[Circular *${indexOf(view.circles, value) + 1}]`;
      }
      return showObject(view, value, level);
    default:
      return `${value}`;
  }
}

function showString(view, text) {
  let trailer = '';
  if (text.length > MAX_STRING) {
    const rest = text.length - MAX_STRING;
    text = slice(text, 0, MAX_STRING);
    trailer = `... ${rest} more character${rest > 1 ? 's' : ''}`;
  }
  if (text.length <= 16 || text.length <= LINE - view.indent - 4) return quote(text) + trailer;
  const lines = [];
  let begin = 0;
  for (;;) {
    const end = find(text, '\n', begin);
    if (end < 0 || end + 1 === text.length) break;
    push(lines, quote(slice(text, begin, end + 1)));
    begin = end + 1;
  }
  push(lines, quote(slice(text, begin)));
  return join(lines, ` +\n${repeat(' ', view.indent + 2)}`) + trailer;
}

/** The name of the class an object is of, or null when nothing in its chain says. */
function className(value) {
  for (let object = value; object !== null; object = prototypeOf(object)) {
    const property = describe(object, 'constructor');
    if (property === undefined || typeof property.value !== 'function') continue;
    const name = property.value.name;
    if (typeof name === 'string' && name !== '' && attempt((v) => isInstance(property.value, v), value))
      return name;
  }
  return null;
}

/** The words before the brace: class, size, tag. */
function prefix(name, tag, fallback, size = '') {
  if (name === null) {
    return tag !== '' && tag !== fallback
      ? `[${fallback}${size}: null prototype] [${tag}] `
      : `[${fallback}${size}: null prototype] `;
  }
  return tag !== '' && tag !== name ? `${name}${size} [${tag}] ` : `${name}${size} `;
}

const isIndex = (key) =>
  typeof key === 'string' && match(/^(?:0|[1-9][0-9]{0,9})$/, key) !== null && +key < 0xffffffff;

/** The keys to show; `isList` leaves out the indices. */
function visibleKeys(view, value, isList) {
  const all = ownKeys(value);
  const keys = [];
  for (let i = 0; i < all.length; i++) {
    const key = all[i];
    if (isList && isIndex(key)) continue;
    if ((view.showHidden && typeof key === 'string') || isEnumerable(value, key)) push(keys, key);
  }
  return keys;
}

function showObject(view, value, level) {
  const name = className(value);
  let tag = value[tagSymbol];
  if (typeof tag !== 'string' || (tag !== '' && isEnumerable(value, tagSymbol))) tag = '';
  const shape = shapeOf(view, value, name, tag);
  if (shape.whole !== undefined && shape.keys.length === 0) return shape.whole;
  if (level > view.depth) {
    const words = slice(prefix(name, tag, isArray(value) ? 'Array' : 'Object'), 0, -1);
    return name === null ? words : `[${words}]`;
  }
  level += 1;
  push(view.open, value);
  view.deepest = level;
  const items = shape.items === undefined ? [] : shape.items(level);
  for (let i = 0; i < shape.keys.length; i++) {
    push(items, showProperty(view, value, shape.keys[i], level));
  }
  let base = shape.base;
  const circle = indexOf(view.circles, value);
  if (circle >= 0) {
    const reference = `<ref *${circle + 1}>`;
    base = base === '' ? reference : `${reference} ${base}`;
  }
  pop(view.open);
  return layOut(view, items, base, shape, level, value);
}

/**
 * How an object is shown.
 *
 * whole: the text when there are no keys; base: the words before `open`; items: what stands inside
 * before the keys; isList: its items may be grouped in columns.
 */
function shapeOf(view, value, name, tag) {
  const shape = { __proto__: null, open: '{', close: '}', base: '', isList: false, keys: [] };
  if (isArray(value)) {
    shape.keys = visibleKeys(view, value, true);
    shape.open = `${name !== 'Array' || tag !== '' ? prefix(name, tag, 'Array', `(${value.length})`) : ''}[`;
    shape.close = ']';
    if (value.length === 0) shape.whole = `${shape.open}]`;
    shape.isList = true;
    shape.items = (level) => arrayItems(view, value, level);
    return shape;
  }
  const typed = typedArrayName(value);
  if (typed !== undefined) {
    const length = typedArrayLength(value);
    shape.keys = visibleKeys(view, value, true);
    shape.open = `${prefix(name, tag, typed, `(${length})`)}[`;
    shape.close = ']';
    if (length === 0) shape.whole = `${shape.open}]`;
    shape.isList = true;
    shape.items = () => typedItems(value, length);
    return shape;
  }
  shape.keys = visibleKeys(view, value, false);
  const setCount = attempt(setSize, value);
  if (setCount !== undefined) {
    shape.open = `${prefix(name, tag, 'Set', `(${setCount})`)}{`;
    if (setCount === 0) shape.whole = `${shape.open}}`;
    shape.items = (level) => setItems(view, value, level);
    return shape;
  }
  const mapCount = attempt(mapSize, value);
  if (mapCount !== undefined) {
    shape.open = `${prefix(name, tag, 'Map', `(${mapCount})`)}{`;
    if (mapCount === 0) shape.whole = `${shape.open}}`;
    shape.items = (level) => mapItems(view, value, level);
    return shape;
  }
  const base = baseOf(view, value, name, tag, shape.keys);
  if (base !== undefined) {
    shape.base = base;
    shape.whole = base;
    return shape;
  }
  if (brand(value) === '[object Arguments]' && tag === '') {
    shape.open = '[Arguments] {';
  } else if (attempt(bufferLength, value) !== undefined) {
    shape.open = `${prefix(name, tag, 'ArrayBuffer')}{`;
    shape.items = () => [`byteLength: ${bufferLength(value)}`];
    return shape;
  } else if (attempt((v) => weakMapHas(v, shape), value) !== undefined) {
    shape.open = `${prefix(name, tag, 'WeakMap')}{`;
    shape.items = () => ['<items unknown>'];
    return shape;
  } else if (attempt((v) => weakSetHas(v, shape), value) !== undefined) {
    shape.open = `${prefix(name, tag, 'WeakSet')}{`;
    shape.items = () => ['<items unknown>'];
    return shape;
  } else if (name !== 'Object' || tag !== '') {
    shape.open = `${prefix(name, tag, 'Object')}{`;
  }
  shape.whole = `${shape.open}}`;
  return shape;
}

/** The words for functions, errors, dates, expressions and boxed values; undefined for others. */
function baseOf(view, value, name, tag, keys) {
  if (typeof value === 'function') return functionBase(value, name, tag);
  const time = attempt(dateNumber, value);
  if (time !== undefined) {
    const text = time === time ? dateIso(value) : 'Invalid Date';
    const before = prefix(name, tag, 'Date');
    return before === 'Date ' ? text : before + text;
  }
  const kind = brand(value);
  if (kind === '[object RegExp]') {
    const before = prefix(name, tag, 'RegExp');
    const text = attempt(regExpText, value);
    if (text !== undefined) return before === 'RegExp ' ? text : before + text;
  }
  if (isError(value)) return errorBase(view, value, name, keys);
  for (let i = 0; i < boxes.length; i++) {
    const inner = attempt(unbox[boxes[i]], value);
    if (inner === undefined) continue;
    if (boxes[i] === 'String') while (keys.length > 0 && isIndex(keys[0])) remove(keys, 0);
    const other = name === null ? ' (null prototype)' : name === boxes[i] ? '' : ` (${name})`;
    return `[${boxes[i]}${other}: ${typeof inner === 'string' ? quote(inner) : show(view, inner, 0)}]`;
  }
  return undefined;
}

function functionBase(value, name, tag) {
  const source = functionText(value);
  if (startsWith(source, 'class') && endsWith(source, '}')) {
    const own = hasOwn(value, 'name') && typeof value.name === 'string' ? value.name : '';
    let words = `class ${own || '(anonymous)'}`;
    if (name !== 'Function' && name !== null) words += ` [${name}]`;
    if (tag !== '' && name !== tag) words += ` [${tag}]`;
    const parent = prototypeOf(value);
    if (name === null) words += ' extends null';
    else if (parent !== null && parent.name) words += ` extends ${parent.name}`;
    return `[${words}]`;
  }
  const kind = name !== null && endsWith(name, 'Function') ? name : 'Function';
  let words = `[${kind}`;
  if (name === null) words += ' (null prototype)';
  words += value.name === '' ? ' (anonymous)]' : `: ${toText(value.name)}]`;
  if (name !== kind && name !== null) words += ` ${name}`;
  if (tag !== '' && name !== tag) words += ` [${tag}]`;
  return words;
}

/** An error's stack, in brackets when it has none; `keys` loses what the stack says already. */
function errorBase(view, error, name, keys) {
  let stack = error.stack ? toText(error.stack) : errorText(error);
  const said = ['name', 'message', 'stack'];
  for (let i = 0; i < said.length; i++) {
    const at = indexOf(keys, said[i]);
    const text = at < 0 ? '' : error[said[i]];
    if (at >= 0 && (typeof text !== 'string' || has(stack, text))) remove(keys, at);
  }
  if ('cause' in error && indexOf(keys, 'cause') < 0) push(keys, 'cause');
  if (isArray(error.errors) && indexOf(keys, 'errors') < 0) push(keys, 'errors');
  const called = error.name === undefined || error.name === null ? 'Error' : toText(error.name);
  if (name !== null && name !== called && endsWith(called, 'Error') && startsWith(stack, called)) {
    const after = stack[called.length];
    if (after === undefined || after === ':' || after === '\n') {
      stack = (has(name, called) ? name : `${name} [${called}]`) + slice(stack, called.length);
    }
  }
  const message = typeof error.message === 'string' ? error.message : '';
  const begin = message === '' ? 0 : max(0, find(stack, message)) + message.length;
  if (find(stack, '\n    at', begin) < 0) stack = `[${stack}]`;
  return view.indent === 0 ? stack : indented(stack, view.indent);
}

function indented(text, columns) {
  const lines = [];
  let begin = 0;
  for (let end = find(text, '\n'); end >= 0; end = find(text, '\n', begin)) {
    push(lines, slice(text, begin, end));
    begin = end + 1;
  }
  push(lines, slice(text, begin));
  return join(lines, `\n${repeat(' ', columns)}`);
}

function arrayItems(view, value, level) {
  const items = [];
  const length = value.length;
  let i = 0;
  while (i < length && items.length < MAX_ITEMS) {
    if (hasOwn(value, i)) {
      push(items, showElement(view, value, i, level));
      i++;
      continue;
    }
    const begin = i;
    while (i < length && !hasOwn(value, i)) i++;
    push(items, `<${i - begin} empty item${i - begin > 1 ? 's' : ''}>`);
  }
  if (i < length) push(items, more(length - i));
  return items;
}

function typedItems(value, length) {
  const items = [];
  for (let i = 0; i < length && i < MAX_ITEMS; i++) {
    push(items, typeof value[i] === 'bigint' ? `${value[i]}n` : numeral(value[i]));
  }
  if (length > MAX_ITEMS) push(items, more(length - MAX_ITEMS));
  return items;
}

function setItems(view, value, level) {
  const items = [];
  let seen = 0;
  view.indent += 2;
  setEach(value, (item) => {
    if (++seen <= MAX_ITEMS) push(items, show(view, item, level));
  });
  view.indent -= 2;
  if (seen > MAX_ITEMS) push(items, more(seen - MAX_ITEMS));
  return items;
}

function mapItems(view, value, level) {
  const items = [];
  let seen = 0;
  view.indent += 2;
  mapEach(value, (item, key) => {
    if (++seen <= MAX_ITEMS) push(items, `${show(view, key, level)} => ${show(view, item, level)}`);
  });
  view.indent -= 2;
  if (seen > MAX_ITEMS) push(items, more(seen - MAX_ITEMS));
  return items;
}

/** The value of a property, or the words for an accessor, which is not called. */
function showElement(view, object, key, level) {
  const property = describe(object, key) || { __proto__: null, value: object[key], enumerable: true };
  if ('value' in property) {
    view.indent += 2;
    const text = show(view, property.value, level);
    view.indent -= 2;
    return text;
  }
  if (property.get === undefined) return property.set === undefined ? 'undefined' : '[Setter]';
  return property.set === undefined ? '[Getter]' : '[Getter/Setter]';
}

function showProperty(view, object, key, level) {
  const text = showElement(view, object, key, level);
  let label;
  if (typeof key === 'symbol') label = `[${escaped(symbolText(key), '')}]`;
  else if (key === '__proto__') label = "['__proto__']";
  else if (!isEnumerable(object, key)) label = `[${escaped(key, '')}]`;
  else if (match(/^[a-zA-Z_][a-zA-Z_0-9]*$/, key) !== null) label = key;
  else label = quote(key);
  return `${label}: ${text}`;
}

// --- lines ------------------------------------------------------------------------------------

/** The parts on one line where they fit, else one below the other. */
function layOut(view, items, base, shape, level, value) {
  const count = items.length;
  if (shape.isList && count > 6) items = columns(view, items, value);
  const before = base === '' ? '' : `${base} `;
  if (view.deepest - level < COMBINE && count === items.length) {
    const start = items.length + view.indent + shape.open.length + base.length + 10;
    if (fits(items, start) && !has(base, '\n')) {
      const line = join(items, ', ');
      if (!has(line, '\n')) return `${before}${shape.open} ${line} ${shape.close}`;
    }
  }
  const margin = `\n${repeat(' ', view.indent)}`;
  return `${before}${shape.open}${margin}  ${join(items, `,${margin}  `)}${margin}${shape.close}`;
}

function fits(items, start) {
  let total = items.length + start;
  if (total + items.length > LINE) return false;
  for (let i = 0; i < items.length; i++) {
    total += items[i].length;
    if (total > LINE) return false;
  }
  return true;
}

/** Many short items of an array in columns, so that they take about 2.5 times as wide as high. */
function columns(view, items, value) {
  const count = value.length > MAX_ITEMS && items.length > MAX_ITEMS ? items.length - 1 : items.length;
  const widths = [];
  let total = 0;
  let widest = 0;
  for (let i = 0; i < count; i++) {
    push(widths, width(items[i]));
    total += widths[i] + 2;
    widest = max(widest, widths[i]);
  }
  const cell = widest + 2;
  if (cell * 3 + view.indent >= LINE) return items;
  if (total / cell <= 5 && widest > 6) return items;
  const biased = max(cell - 3 - sqrt(cell - total / items.length), 1);
  const across = min(
    round(sqrt(2.5 * biased * count) / biased),
    floor((LINE - view.indent) / cell),
    COMBINE * 4,
    15,
  );
  if (across <= 1) return items;
  const columnWidths = [];
  for (let i = 0; i < across; i++) {
    let columnWidth = 0;
    for (let j = i; j < count; j += across) columnWidth = max(columnWidth, widths[j]);
    push(columnWidths, columnWidth + 2);
  }
  let pad = padStart;
  for (let i = 0; i < items.length; i++) {
    if (typeof value[i] !== 'number' && typeof value[i] !== 'bigint') {
      pad = padEnd;
      break;
    }
  }
  const rows = [];
  for (let i = 0; i < count; i += across) {
    const end = min(i + across, count);
    let row = '';
    for (let j = i; j < end; j++) {
      const hidden = items[j].length - widths[j]; // wide characters count once in `length`
      const isLast = j === end - 1;
      if (!isLast) row += pad(`${items[j]}, `, columnWidths[j - i] + hidden, ' ');
      else if (pad === padStart) row += padStart(items[j], columnWidths[j - i] + hidden - 2, ' ');
      else row += items[j];
    }
    push(rows, row);
  }
  if (count < items.length) push(rows, items[count]);
  return rows;
}

// --- console calls ----------------------------------------------------------------------------

/** A console call's arguments as one text: %-directives in the first, the rest after spaces. */
function format(values) {
  let text = '';
  let used = 0;
  if (values.length > 1 && typeof values[0] === 'string') {
    used = 1;
    const pattern = values[0];
    let begin = 0;
    for (let i = 0; i + 1 < pattern.length; i++) {
      if (pattern[i] !== '%') continue;
      const directive = pattern[i + 1];
      if (directive === '%') {
        text += slice(pattern, begin, i) + '%';
      } else if (used < values.length && DIRECTIVES[directive] !== undefined) {
        text += slice(pattern, begin, i) + DIRECTIVES[directive](values[used++]);
      } else continue;
      begin = ++i + 1;
    }
    text += slice(pattern, begin);
  } else if (values.length > 0) {
    used = 1;
    text = plain(values[0]);
  }
  for (; used < values.length; used++) text += ` ${plain(values[used])}`;
  return text;
}

const plain = (value) => (typeof value === 'string' ? value : inspect(value));

const DIRECTIVES = {
  __proto__: null,
  s: (value) => {
    if (typeof value === 'number') return numeral(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value !== 'object' || value === null || hasOwnText(value)) return toText(value);
    return inspect(value, 0);
  },
  d: (value) => {
    if (typeof value === 'bigint') return `${value}n`;
    return typeof value === 'symbol' ? 'NaN' : numeral(toNumber(value));
  },
  i: (value) => {
    if (typeof value === 'bigint') return `${value}n`;
    return typeof value === 'symbol' ? 'NaN' : numeral(parseInteger(value));
  },
  f: (value) => (typeof value === 'symbol' ? 'NaN' : numeral(parseDecimal(value))),
  j: (value) => {
    try {
      return toText(stringify(value));
    } catch (error) {
      if (isError(error) && has(toText(error.message), 'circular')) return '[Circular]';
      throw error;
    }
  },
  o: (value) => inspect(value, 4, true),
  O: (value) => inspect(value, 2),
  c: () => '',
};

const builtIn = [Object.prototype, Array.prototype, Date.prototype, Error.prototype, RegExp.prototype];

/** Whether the object's class (or the object) brings a toString of its own. */
function hasOwnText(value) {
  for (let object = value; object !== null; object = prototypeOf(object)) {
    if (describe(object, 'toString') !== undefined) {
      return indexOf(builtIn, object) < 0;
    }
  }
  return false;
}
