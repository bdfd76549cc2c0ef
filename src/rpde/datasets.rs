//! The attribution catalogue, `datasets`: one JSON document → [`Dataset`]s.
//!
//! Its form is not public, so every likely one is read: a list of datasets; an object that has such a list under `dataset`,
//! `datasets`, `items` or `data`, also several levels deep (RPDE items); one dataset by itself. A dataset is what has an
//! `identifier` (else an `@id`); the first of two with the same one counts.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess};

use super::finding::{Finding, FindingKind};
use super::json::object;
use super::loose::{Loose, Many, Obj, Shape, Txt};
use super::page::{Content, ID_BYTES_MAX, PageError};
use crate::domain::{Change, Dataset, Item, Taker, Text};

/// The most datasets that are taken.
const DATASETS_MAX: usize = 100_000;

object! {
    struct DatasetData<'a> {
        "identifier" => identifier: Loose<Txt<'a>>,
        "@id" => at_id: Loose<Txt<'a>>,
        "id" => plain_id: Loose<Txt<'a>>,
        "name" => name: Loose<Txt<'a>>,
        "url" => url: Loose<Named<'a>>,
        "license" => license: Loose<Named<'a>>,
        "publisher" => publisher: Loose<Publisher<'a>>,
        "dataset" => dataset: Loose<Document<'a>>,
        "datasets" => datasets: Loose<Document<'a>>,
        "items" => items: Loose<Document<'a>>,
        "data" => data: Loose<Document<'a>>,
    }
}

/// A text, or the `url`, `@id` or `name` of an object.
#[derive(Debug, Default)]
struct Named<'a>(Option<Text<'a>>);

#[derive(Deserialize)]
struct NamedObject<'a> {
    #[serde(default, borrow)]
    url: Loose<Txt<'a>>,
    #[serde(default, rename = "@id", borrow)]
    at_id: Loose<Txt<'a>>,
    #[serde(default, borrow)]
    name: Loose<Txt<'a>>,
}

impl<'de: 'a, 'a> Shape<'de> for Named<'a> {
    fn text(text: Cow<'de, str>) -> Self {
        Self(Txt::text(text).0)
    }
    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let object = NamedObject::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self(object.url.0.0.or(object.at_id.0.0).or(object.name.0.0)))
    }
}

/// A publisher's name and URL; a text is its name.
#[derive(Debug, Default)]
struct Publisher<'a> {
    name: Option<Text<'a>>,
    url: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Shape<'de> for Publisher<'a> {
    fn text(text: Cow<'de, str>) -> Self {
        Self { name: Txt::text(text).0, url: None }
    }
    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let object = NamedObject::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Self { name: object.name.0.0, url: object.url.0.0 })
    }
}

/// The document, or what lies in it: an object, or a list of them.
#[derive(Default)]
struct Document<'a>(Option<Vec<DatasetData<'a>>>);

impl<'de: 'a, 'a> Shape<'de> for Document<'a> {
    fn object<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Ok(Self(Obj::object(map)?.0.map(|data| vec![data])))
    }
    fn array<A: SeqAccess<'de>>(seq: A) -> Result<Self, A::Error> {
        let many: Many<Obj<DatasetData<'a>>> = Many::array(seq)?;
        Ok(Self(Some(many.0.into_iter().filter_map(|data| data.0).collect())))
    }
}

/// Reads the document as a page that is a feed's whole content, and hands its changes on.
pub(super) fn read<'a>(text: &'a str, taker: &mut dyn Taker<'a>) -> Result<Content<'a>, PageError> {
    let Loose(document) = serde_json::from_str::<Loose<Document<'_>>>(text).map_err(PageError::NotAPage)?;
    let mut content = Content::default();
    let data = document.0.ok_or(PageError::NotACatalogue)?;
    take(data, &mut content)?;
    content.changes.sort_by(|one, other| one.id.cmp(&other.id));
    content.changes.dedup_by(|second, first| second.id == first.id);
    content.item_count = content.changes.len();
    taker.begin(content.item_count);
    content.changes.drain(..).for_each(|change| taker.take(change));
    Ok(content)
}

fn take<'a>(many: Vec<DatasetData<'a>>, content: &mut Content<'a>) -> Result<(), PageError> {
    for data in many {
        if content.changes.len() >= DATASETS_MAX {
            return Err(PageError::TooManyItems(content.changes.len()));
        }
        let below = [data.dataset, data.datasets, data.items, data.data];
        let below: Vec<_> = below.into_iter().filter_map(|document| document.0.0).flatten().collect();
        if !below.is_empty() {
            take(below, content)?;
            continue;
        }
        match data.identifier.0.0.or(data.at_id.0.0).or(data.plain_id.0.0) {
            Some(identifier) if identifier.len() <= ID_BYTES_MAX => {
                let Loose(Publisher { name: publisher, url: publisher_url }) = data.publisher;
                let dataset = Dataset {
                    identifier: identifier.clone(),
                    name: data.name.0.0,
                    publisher,
                    url: data.url.0.0.or(publisher_url),
                    license: data.license.0.0,
                };
                content.changes.push(Change { id: identifier, modified: None, item: Item::Dataset(Box::new(dataset)) });
            }
            Some(identifier) => content.findings.push(Finding::on(FindingKind::TextTooLong, &identifier)),
            None => content.findings.push(Finding::on(FindingKind::NoItemId, "")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(text: &str) -> Result<Vec<Change<'_>>, PageError> {
        let mut changes = Vec::new();
        read(text, &mut changes).map(|_| changes)
    }

    fn identifiers(text: &str) -> Vec<String> {
        changes(text).unwrap().into_iter().map(|change| change.id.into_owned()).collect()
    }

    #[test]
    fn every_likely_form_is_read() {
        let table = [
            ("a list", r#"[{"identifier":"a"},{"identifier":7}]"#, vec!["7", "a"]),
            ("a catalogue", r#"{"@type":"DataCatalog","@id":"c","dataset":[{"@id":"a"}]}"#, vec!["a"]),
            ("datasets", r#"{"datasets":{"identifier":"a"}}"#, vec!["a"]),
            ("RPDE items", r#"{"items":[{"id":"x","data":{"identifier":"a"}}],"next":"n"}"#, vec!["a"]),
            ("one", r#"{"identifier":"a"}"#, vec!["a"]),
            ("twice", r#"[{"identifier":"a","name":"first"},{"identifier":"a","name":"second"}]"#, vec!["a"]),
            ("none", "[]", vec![]),
            ("what is none", r#"[1,"x",null,{"name":"nameless"}]"#, vec![]),
        ];
        for (words, text, expected) in table {
            assert_eq!(identifiers(text), expected, "{words}");
        }
        assert!(matches!(changes("\"text\""), Err(PageError::NotACatalogue)));
        assert!(matches!(changes("{"), Err(PageError::NotAPage(_))));
    }

    #[test]
    fn publisher_url_and_license_are_texts_or_objects() {
        let text = r#"[{"identifier":"a","name":"n","license":{"url":"l"},"publisher":{"name":"p","url":"u"}},
            {"identifier":"b","url":"own","license":"l","publisher":"p"}]"#;
        let changes = changes(text).unwrap();
        let shown: Vec<_> = changes
            .iter()
            .map(|change| match &change.item {
                Item::Dataset(set) => [&set.name, &set.publisher, &set.url, &set.license].map(Clone::clone),
                other => panic!("{other:?}"),
            })
            .collect();
        let text = |text: &'static str| Some(Cow::Borrowed(text));
        assert_eq!(shown[0], [text("n"), text("p"), text("u"), text("l")]);
        assert_eq!(shown[1], [None, text("p"), text("own"), text("l")]);
    }
}
