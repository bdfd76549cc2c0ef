//! `bookable bookings`: what the Success Webhook told of.

use serde_json::json;

use crate::cli::args::Bookings as Arguments;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::settings::Settings;
use crate::serve::{Booking, Bookings};

/// Runs the command.
pub(in crate::cli) fn run(settings: &Settings, arguments: &Arguments) -> Result<(), Failure> {
    let bookings = Bookings::open_to_read(&settings.bookings()).map_err(anyhow::Error::new)?;
    let found = match &arguments.id {
        Some(id) => {
            let found = bookings.find(id).map_err(anyhow::Error::new)?;
            vec![found.ok_or_else(|| Failure::failed(format!("no booking goes by {id:?}")))?]
        }
        None => bookings.newest(arguments.limit).map_err(anyhow::Error::new)?,
    };
    if arguments.json {
        let list: Vec<_> = found.iter().map(as_json).collect();
        return Ok(output::data(&format!("{:#}", serde_json::Value::from(list)))?);
    }
    for booking in &found {
        let Booking { id, order, received_at, identifier, repeats, .. } = booking;
        let identifier = identifier.as_deref().unwrap_or("(no identifier)");
        let again = if *repeats > 0 { format!("  told {repeats} more times") } else { String::new() };
        output::data(&output::printable(&format!("{received_at}  {id}  {order}  {identifier}{again}")))?;
    }
    Ok(())
}

fn as_json(booking: &Booking) -> serde_json::Value {
    let body: serde_json::Value = serde_json::from_str(&booking.body).unwrap_or_default();
    json!({"id": booking.id, "order": booking.order, "received_at": booking.received_at.to_string(),
        "identifier": booking.identifier, "item_type": booking.item_type, "repeats": booking.repeats, "body": body})
}
