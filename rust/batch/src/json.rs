//! Canonical JSON (RFC 8785) without floats and without integers beyond 2^53-1.

use std::borrow::Cow;

/// What a document holds; text is borrowed from the bytes unless an escape stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        match self {
            Value::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Value<'a>] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }
}

const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The object in canonical bytes that nests at most `max_depth` deep, or nothing.
pub fn parse(data: &[u8], max_depth: usize) -> Option<Value<'_>> {
    let mut reader = Reader { text: std::str::from_utf8(data).ok()?, at: 0 };
    let document = (reader.peek()? == b'{').then(|| reader.value(max_depth))??;
    (reader.at == data.len()).then_some(document)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, expected: u8) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'{' => self.object(depth.checked_sub(1)?).map(Value::Object),
            b'[' => self.list(depth.checked_sub(1)?).map(Value::List),
            b'n' => self.word("null", Value::Null),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            _ => self.integer().map(Value::Integer),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Option<Value<'a>> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())?;
        Some(value)
    }

    fn object(&mut self, depth: usize) -> Option<Vec<(Cow<'a, str>, Value<'a>)>> {
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        self.at += 1;
        if self.skip(b'}') {
            return Some(members);
        }
        loop {
            let key = self.string()?;
            // Strictly ascending, so no key stands twice.
            if members.last().is_some_and(|(last, _)| !sorted(last, &key)) || !self.skip(b':') {
                return None;
            }
            members.push((key, self.value(depth)?));
            match self.next()? {
                b',' => (),
                b'}' => return Some(members),
                _ => return None,
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Value<'a>>> {
        let mut items = Vec::new();
        self.at += 1;
        if self.skip(b']') {
            return Some(items);
        }
        loop {
            items.push(self.value(depth)?);
            match self.next()? {
                b',' => (),
                b']' => return Some(items),
                _ => return None,
            }
        }
    }

    fn integer(&mut self) -> Option<i64> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.get(sign..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number: i64 = self.text.get(self.at..self.at + sign + digits)?.parse().ok()?;
        let leading_zero = rest.get(sign) == Some(&b'0');
        self.at += sign + digits;
        (number.abs() <= MAX_INTEGER && if leading_zero { sign + digits == 1 } else { true }).then_some(number)
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        if !self.skip(b'"') {
            return None;
        }
        let start = self.at;
        let plain = |byte: &u8| *byte >= 0x20 && *byte != b'"' && *byte != b'\\';
        self.at += self.text.as_bytes().get(start..)?.iter().take_while(|byte| plain(byte)).count();
        let mut read = Cow::Borrowed(self.text.get(start..self.at)?);
        loop {
            match self.next()? {
                b'"' => return Some(read),
                b'\\' => read.to_mut().push(self.escaped()?),
                _ => return None,
            }
            let from = self.at;
            self.at += self.text.as_bytes().get(from..)?.iter().take_while(|byte| plain(byte)).count();
            read.to_mut().push_str(self.text.get(from..self.at)?);
        }
    }

    /// The one character for which RFC 8785 §3.2.2.2 demands this escape.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'b' => '\u{8}',
            b't' => '\t',
            b'n' => '\n',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                let code = u8::from_str_radix(digits.strip_prefix("00")?, 16).ok()?;
                let short = matches!(code, 8 | 9 | 10 | 12 | 13);
                let spelled = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
                (code < 0x20 && !short && spelled).then_some(char::from(code))?
            }
            _ => return None,
        })
    }
}

/// Whether the RFC puts the first key before the second: by UTF-16 code units.
fn sorted(first: &str, second: &str) -> bool {
    if first.is_ascii() && second.is_ascii() { first < second } else { first.encode_utf16().lt(second.encode_utf16()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(text: &str) -> bool {
        parse(text.as_bytes(), 3).is_some()
    }

    #[test]
    fn canonical_documents_are_read() {
        let text = r#"{"":-1,"a":[],"b":{"c":"€\"\u0001\n"},"n":null,"t":true}"#;
        let document = parse(text.as_bytes(), 2).unwrap();
        assert_eq!(document.get("b").unwrap().get("c").unwrap().text(), Some("€\"\u{1}\n"));
        assert_eq!(document.get(""), Some(&Value::Integer(-1)));
        assert_eq!(document.get("a").unwrap().items(), &[]);
        assert_eq!(document.get("z"), None);
    }

    #[test]
    fn no_other_spelling_is() {
        for text in [
            "",
            "null",
            "[]",
            "1",
            "{",
            "{}x",
            " {}",
            "{} ",
            r#"{"a" :1}"#,
            r#"{"a":1,}"#,
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":01}"#,
            r#"{"a":-0}"#,
            r#"{"a":-}"#,
            r#"{"a":+1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":1e3}"#,
            r#"{"a":9007199254740992}"#,
            r#"{"a":-9007199254740992}"#,
            r#"{"a":"\/"}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"\u000a"}"#,
            r#"{"a":"\u001F"}"#,
            r#"{"a":"\u00+1"}"#,
            r#"{"a":"\u001"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":"x}"#,
            r#"{"a":tru}"#,
            r#"{"a":nul}"#,
            r#"{"a":NaN}"#,
            r#"{"a":[[[]]]}"#,
            r#"{"a":}"#,
            r#"{"a":[1 ,2]}"#,
            "{\"\u{fb33}\":1,\"\u{1f600}\":2}",
        ] {
            assert!(!takes(text), "{text}");
        }
        assert!(takes(r#"{"a":[[9007199254740991,-9007199254740991,0]]}"#));
        assert!(takes("{\"\u{1f600}\":1,\"\u{fb33}\":2}"), "sorted by UTF-16 units");
        assert!(parse(b"{\"a\":\"\xff\"}", 3).is_none());
    }
}
