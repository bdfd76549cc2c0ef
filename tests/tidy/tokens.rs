//! A source file as tokens: its words and signs, without comments and literals, and the paths that it names.

/// A word or sign and the line it stands on.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// A path such as `crate::store::Store`; the members of a `use` group come one by one.
pub(crate) struct Mention {
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
}

/// Every path in these tokens.
pub(crate) fn mentions(tokens: &[Token]) -> Vec<Mention> {
    let mut mentions = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = if is_word(&tokens[at]) { take_path(tokens, at, &[], &mut mentions) } else { at + 1 };
    }
    mentions
}

/// Takes the path that begins at `at`, behind `prefix`, with every member of its group; gives where it ends.
fn take_path(tokens: &[Token], mut at: usize, prefix: &[String], mentions: &mut Vec<Mention>) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens[at].line;
    while let Some(token) = tokens.get(at) {
        if token.text == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|token| token.text != "}") {
                if is_word(&tokens[at]) {
                    at = take_path(tokens, at, &path, mentions);
                    // A renamed member: ` as name`.
                    while tokens.get(at).is_some_and(is_word) {
                        at += 1;
                    }
                } else {
                    at += 1;
                }
            }
            return at + 1;
        }
        if !is_word(token) && token.text != "*" {
            break;
        }
        path.push(token.text.clone());
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    mentions.push(Mention { line, path });
    at
}

fn is_word(token: &Token) -> bool {
    token.text.starts_with(is_word_sign)
}

fn is_word_sign(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// The words and signs of a text, without its comments and literals; `::` is one sign.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let signs: Vec<char> = text.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&sign) = signs.get(at) {
        let end = literal_end(&signs, at).unwrap_or_else(|| {
            let word = signs[at..].iter().take_while(|sign| is_word_sign(**sign)).count();
            let is_double = sign == ':' && signs.get(at + 1) == Some(&':');
            let end = at + word.max(if is_double { 2 } else { 1 });
            if !sign.is_whitespace() {
                tokens.push(Token { line, text: signs[at..end].iter().collect() });
            }
            end
        });
        line += signs[at..end].iter().filter(|sign| **sign == '\n').count();
        at = end;
    }
    tokens
}

/// Where the comment or literal that begins at `at` ends; nothing where none begins.
fn literal_end(signs: &[char], at: usize) -> Option<usize> {
    let sign = |offset: usize| signs.get(at + offset).copied();
    let end = match (sign(0)?, sign(1)) {
        ('/', Some('/')) => at + signs[at..].iter().take_while(|sign| **sign != '\n').count(),
        ('/', Some('*')) => block_end(signs, at),
        ('"', _) => quoted_end(signs, at + 1, '"'),
        ('\'', Some('\\')) => quoted_end(signs, at + 1, '\''),
        ('\'', Some(_)) if sign(2) == Some('\'') => at + 3,
        ('b' | 'c', Some('r')) => return raw_end(signs, at + 2),
        ('r', Some(_)) => return raw_end(signs, at + 1),
        _ => return None,
    };
    Some(end)
}

fn block_end(signs: &[char], at: usize) -> usize {
    let (mut depth, mut at) = (0_usize, at);
    while at < signs.len() {
        match signs.get(at..at + 2) {
            Some(['/', '*']) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/']) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    signs.len()
}

fn quoted_end(signs: &[char], mut at: usize, quote: char) -> usize {
    while let Some(&sign) = signs.get(at) {
        at += if sign == '\\' { 2 } else { 1 };
        if sign == quote {
            return at;
        }
    }
    signs.len()
}

/// The end of a raw text whose `#`s and quote begin at `at`; nothing where that is no raw text.
fn raw_end(signs: &[char], at: usize) -> Option<usize> {
    let hashes = signs.get(at..)?.iter().take_while(|sign| **sign == '#').count();
    (signs.get(at + hashes) == Some(&'"')).then_some(())?;
    let closing: Vec<char> = format!("\"{}", "#".repeat(hashes)).chars().collect();
    let begin = at + hashes + 1;
    let length = signs[begin..].windows(closing.len()).position(|window| window == closing);
    Some(length.map_or(signs.len(), |length| begin + length + closing.len()))
}

/// Where the item that begins at `at` ends: behind its `;`, or behind the bracket that closes its last one.
pub(crate) fn end_of_item(tokens: &[Token], at: usize) -> usize {
    let is_bracketed = tokens.get(at).is_some_and(|token| matches!(token.text.as_str(), "[" | "("));
    let mut depth = 0_usize;
    for (offset, token) in tokens[at.min(tokens.len())..].iter().enumerate() {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => return at + offset + 1,
            _ => continue,
        }
        if depth == 0 && (is_bracketed || token.text == "}") {
            return at + offset + 1;
        }
    }
    tokens.len()
}
