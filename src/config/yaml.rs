//! The file as a source of configuration: every scalar with its line and column, nothing interpreted.
//!
//! Read from the parser's events and not through serde, so that one look tells all unknown keys with their places,
//! and a text stays as it was written (`007` is not seven). Anchors, aliases, tags and a second document are refused:
//! a configuration that must be followed to be read is not worth the risk. The size is bounded by the caller and
//! the depth here. No text of the file goes into a message but names of keys: the value may be a secret.

use std::collections::BTreeSet;
use std::path::Path;

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::keys::{self, KEYS, VOTER_KEYS, VOTERS};
use super::problem::{Origin, Problem, Problems, Refused};
use super::values::{Entries, Entry, Values, WrittenVoter, WrittenVoters};

/// The deepest key is `voters[0].auth.username`: four levels. More is a mistake or an attack.
const DEPTH_LIMIT: usize = 8;

/// More entries than this in one mapping or list are a mistake: the largest mapping has 17 keys, the list of voters
/// at most 9 items. It also bounds the search for keys given twice.
const ENTRIES_LIMIT: usize = 64;

/// A node of the document.
enum Node {
    Nothing,
    Scalar(String),
    List(Vec<(Node, Origin)>),
    Mapping(Vec<Field>),
}

/// One key of a mapping with its value.
struct Field {
    name: String,
    name_origin: Origin,
    node: Node,
    node_origin: Origin,
}

/// Lays the text of a file over `values`. `path` is for messages only.
///
/// # Errors
///
/// Where the text is not YAML, or YAML of a kind that is not read here; single keys go to `problems`.
pub(crate) fn read(
    text: &str,
    path: &Path,
    values: &mut Values,
    problems: &mut Problems,
) -> Result<(), Refused> {
    let mut document = Document { events: Parser::new_from_str(text), path };
    match document.root()? {
        (Node::Nothing, _) => Ok(()),
        (Node::Mapping(fields), _) => {
            read_keys(fields, "", values, problems);
            Ok(())
        }
        (Node::Scalar(_) | Node::List(_), origin) => {
            let remedy = "write it as in docs/configuration.md, beginning with `election: …`";
            Err(Problem::new("the file", "must be a mapping of keys", remedy).at(&origin).into())
        }
    }
}

struct Document<'a> {
    events: Parser<'a, StrInput<'a>>,
    path: &'a Path,
}

impl<'a> Document<'a> {
    fn root(&mut self) -> Result<(Node, Origin), Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            let origin = self.origin(&span);
            match event {
                Event::StreamEnd => {
                    let start = Origin::File { path: self.path.to_path_buf(), line: 1, column: 1 };
                    return Ok(root.unwrap_or((Node::Nothing, start)));
                }
                Event::DocumentStart(..) if root.is_some() => {
                    let problem =
                        Problem::new("the file", "must hold one document", "remove the second `---`");
                    return Err(problem.at(&origin));
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some((self.node(event, &origin, 0)?, origin)),
            }
        }
    }

    /// The next event that is not a comment.
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        loop {
            match self.events.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(found)) => return Ok(found),
                Some(Err(error)) => return Err(self.broken(&error)),
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn broken(&self, error: &ScanError) -> Problem {
        let marker = error.marker();
        let origin =
            Origin::File { path: self.path.to_path_buf(), line: marker.line(), column: marker.col() + 1 };
        Problem::new("the file", "is not YAML", error.info()).at(&origin)
    }

    fn origin(&self, span: &Span) -> Origin {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        Origin::File { path: self.path.to_path_buf(), line, column }
    }

    fn node(&mut self, event: Event<'a>, origin: &Origin, depth: usize) -> Result<Node, Problem> {
        if depth > DEPTH_LIMIT {
            let rule = format!("must not nest deeper than {DEPTH_LIMIT} levels");
            return Err(Problem::new("the file", rule, "no key does").at(origin));
        }
        match event {
            Event::Scalar(text, style, 0, None) => Ok(match (style, text.as_ref()) {
                (ScalarStyle::Plain, "" | "~" | "null") => Node::Nothing,
                _ => Node::Scalar(text.into_owned()),
            }),
            Event::SequenceStart(_, 0, None) => self.list(depth),
            Event::MappingStart(_, 0, None) => self.mapping(depth),
            _ => {
                let rule = "must not use anchors, aliases or tags";
                Err(Problem::new("the file", rule, "write the value out").at(origin))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let origin = self.origin(&span);
            if event == Event::SequenceEnd {
                return Ok(Node::List(items));
            }
            check_room(items.len(), &origin)?;
            items.push((self.node(event, &origin, depth + 1)?, origin));
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, Problem> {
        let mut fields: Vec<Field> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let name_origin = self.origin(&span);
            if event == Event::MappingEnd {
                return Ok(Node::Mapping(fields));
            }
            check_room(fields.len(), &name_origin)?;
            let Node::Scalar(name) = self.node(event, &name_origin, depth + 1)? else {
                return Err(Problem::new("the file", "has a key that is not a word", "write `key: value`")
                    .at(&name_origin));
            };
            let (event, span) = self.next()?;
            let node_origin = self.origin(&span);
            let node = self.node(event, &node_origin, depth + 1)?;
            if let Some(first) = fields.iter().find(|field| field.name == name) {
                let remedy = format!("keep one of the two; the other stands at {}", first.name_origin);
                return Err(Problem::new(name, "is given twice", remedy).at(&name_origin));
            }
            fields.push(Field { name, name_origin, node, node_origin });
        }
    }
}

fn read_keys(fields: Vec<Field>, parent: &str, values: &mut Values, problems: &mut Problems) {
    for field in fields {
        let path = join(parent, &field.name);
        if path == VOTERS {
            read_voters(field, values, problems);
        } else if let Some(key) = keys::find(&path) {
            match field.node {
                Node::Nothing => {}
                Node::Scalar(text) => values.set(key.path, text, field.node_origin),
                Node::List(_) | Node::Mapping(_) => problems.push(not_a_value(path, &field.node_origin)),
            }
        } else if KEYS.iter().any(|key| is_below(key.path, &path)) {
            match field.node {
                Node::Nothing => {}
                Node::Mapping(fields) => read_keys(fields, &path, values, problems),
                Node::Scalar(_) | Node::List(_) => {
                    problems.push(not_a_mapping(&path, &field.node_origin, KEYS.iter().map(|key| key.path)));
                }
            }
        } else {
            problems.push(unknown(&path, &path, &field.name_origin, KEYS.iter().map(|key| key.path)));
        }
    }
}

fn read_voters(field: Field, values: &mut Values, problems: &mut Problems) {
    let items = match field.node {
        Node::Nothing => return,
        Node::List(items) => items,
        Node::Scalar(_) | Node::Mapping(_) => {
            let remedy = "write `voters:` and below it lines of `- {name: a, url: \"redis://host:6379\"}`";
            return problems.push(Problem::new(VOTERS, "must be a list", remedy).at(&field.node_origin));
        }
    };
    let mut voters = Vec::new();
    for (index, (node, origin)) in items.into_iter().enumerate() {
        let label = format!("{VOTERS}[{index}]");
        let mut entries = Entries::new();
        match node {
            Node::Mapping(fields) => read_voter(fields, &label, "", &mut entries, problems),
            Node::Nothing | Node::Scalar(_) | Node::List(_) => {
                let remedy = "write `- {name: a, url: \"redis://host:6379\"}`";
                problems.push(Problem::new(label, "must be a mapping with name and url", remedy).at(&origin));
                continue;
            }
        }
        voters.push(WrittenVoter { origin, entries });
    }
    values.voters = Some(WrittenVoters { origin: field.name_origin, voters });
}

fn read_voter(fields: Vec<Field>, label: &str, parent: &str, entries: &mut Entries, problems: &mut Problems) {
    for field in fields {
        let path = join(parent, &field.name);
        let full = join(label, &path);
        let known = || VOTER_KEYS.iter().copied();
        if let Some(key) = known().find(|key| *key == path) {
            match field.node {
                Node::Nothing => {}
                Node::Scalar(value) => {
                    entries.insert(key, Entry { value, origin: field.node_origin });
                }
                Node::List(_) | Node::Mapping(_) => problems.push(not_a_value(full, &field.node_origin)),
            }
        } else if known().any(|key| is_below(key, &path)) {
            match field.node {
                Node::Nothing => {}
                Node::Mapping(fields) => read_voter(fields, label, &path, entries, problems),
                Node::Scalar(_) | Node::List(_) => {
                    problems.push(not_a_mapping(&path, &field.node_origin, known()));
                }
            }
        } else {
            problems.push(unknown(&full, &path, &field.name_origin, known()));
        }
    }
}

fn check_room(entries: usize, origin: &Origin) -> Result<(), Problem> {
    if entries < ENTRIES_LIMIT {
        return Ok(());
    }
    let rule = format!("must not have more than {ENTRIES_LIMIT} entries in one place");
    Err(Problem::new("the file", rule, "remove what is not needed").at(origin))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Whether `path` is a key somewhere below the mapping `parent`.
fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
}

fn not_a_value(path: String, origin: &Origin) -> Problem {
    Problem::new(
        path,
        "must be a single value",
        "write `key: value`; put quotes around a value with `{`, `[` or `: `",
    )
    .at(origin)
}

fn not_a_mapping<'a>(path: &str, origin: &Origin, known: impl Iterator<Item = &'a str>) -> Problem {
    let below: Vec<&str> =
        known.filter(|key| is_below(key, path)).filter_map(|key| key.get(path.len() + 1..)).collect();
    Problem::new(path, "must be a mapping", format!("it knows the keys {}", below.join(", "))).at(origin)
}

fn unknown<'a>(full: &str, path: &str, origin: &Origin, known: impl Iterator<Item = &'a str>) -> Problem {
    // `gatez` means `gates`: where a mapping may stand, its name is a candidate too.
    let candidates: BTreeSet<&str> =
        known.flat_map(|key| key.match_indices('.').map(|(end, _)| &key[..end]).chain([key])).collect();
    let remedy = keys::nearest(path, candidates).map_or_else(
        || "docs/configuration.md lists all there are".to_owned(),
        |nearest| format!("the nearest known one is `{nearest}`"),
    );
    Problem::new(full, "is an unknown key", remedy).at(origin)
}
