//! `bookable checkout`: the URL of a checkout with the customer's details filled in.

use std::io::Read;
use std::path::Path;

use serde_json::json;

use super::harvest::runtime;
use crate::checkout::{CheckoutClient, Customer, Order, Timeouts, choose_offer};
use crate::cli::args::Checkout as Arguments;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::store::CatalogueReader;

/// The largest file with a customer's details, in bytes.
const CUSTOMER_BYTES_MAX: u64 = 64 * 1024;

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Arguments) -> Result<(), Failure> {
    let customer = customer(arguments)?;
    let broker = settings.seller()?;
    let template = settings.template(arguments.template.as_deref())?;
    let identifier = &arguments.identifier;
    let found = CatalogueReader::open(&settings.catalogue())?.bookable(identifier)?;
    let Some(item) = found.first() else {
        return Err(Failure::failed(format!(
            "nothing in the catalogue has the identifier {identifier:?} now, so it cannot be booked; \
             `bookable explain` tells why"
        )));
    };
    if found.len() > 1 {
        output::say(&format!("bookable: note: {} go by this identifier; the first is taken", found.len()));
    }
    let offer_id = choose_offer(item, arguments.offer.as_deref())
        .map_err(|error| Failure::failed(format!("{error} (with --offer ID)")))?;
    let order = Order { kind: item.kind, identifier: item.identifier.clone(), offer_id, broker, customer };
    let body = order.body(template.as_ref()).map_err(anyhow::Error::new)?;
    if arguments.dry_run {
        return Ok(output::data(&body)?);
    }
    let client = CheckoutClient::new(&settings.checkout()?, settings.api_key()?, Timeouts::default());
    let client = client.map_err(anyhow::Error::new)?;
    let target = runtime()?.block_on(client.create(body, order.customer.as_ref())).map_err(anyhow::Error::new)?;
    if arguments.json {
        let answer = json!({"identifier": order.identifier, "offer": order.offer_id, "url": target.as_str()});
        output::data(&format!("{answer:#}"))?;
    } else {
        output::data(target.as_str())?;
    }
    Ok(())
}

/// Who books, from a flag or a file. No message repeats anything of it.
fn customer(arguments: &Arguments) -> Result<Option<Customer>, Failure> {
    if let Some(id) = &arguments.customer_id {
        return Customer::by_id(id).map(Some).map_err(|error| Failure::settings(format!("--customer-id: {error}")));
    }
    let Some(path) = &arguments.customer_file else { return Ok(None) };
    let read = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().take(CUSTOMER_BYTES_MAX + 1).read_to_string(&mut text).map(|_| text)
    } else {
        output::read_file(path, CUSTOMER_BYTES_MAX)
    };
    let wrong = |why: String| Failure::settings(format!("--customer-file: {why}"));
    let text = read.map_err(|error| wrong(format!("cannot read {}: {error}", path.display())))?;
    Customer::from_json(&text).map(Some).map_err(|error| wrong(error.to_string()))
}
