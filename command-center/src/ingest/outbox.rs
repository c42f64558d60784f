//! Sends commands, and again until the receipt is here; leaves configurations at the broker until their nodes have taken them.

use std::time::Duration;

use protocol::Utc;
use rumqttc::v5::{AsyncClient, mqttbytes::QoS};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::store::{DuePush, Store};

/// How often it is looked whether a repetition is due; a new command goes at once.
const LOOK: Duration = Duration::from_secs(1);

/// Sends what is due until `stop`. While there is no connection nothing counts as sent.
pub(super) async fn run(
    store: Store,
    client: AsyncClient,
    mut connected: watch::Receiver<bool>,
    stop: CancellationToken,
) {
    let mut changes = store.latest_change();
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
            Ok(()) = changes.changed() => {}
            Ok(()) = connected.changed() => {}
        }
        if !*connected.borrow() {
            continue;
        }
        match store.due_commands(Utc::now()).await {
            Ok(due) => due.into_iter().for_each(|command| {
                let sent = client.try_publish(
                    &command.topic,
                    QoS::AtLeastOnce,
                    false,
                    command.envelope,
                );
                match sent {
                    Ok(()) => tracing::info!(topic = command.topic, "command sent"),
                    Err(error) => {
                        tracing::warn!(topic = command.topic, %error, "a command found no place; it is sent again");
                    }
                }
            }),
            Err(error) => tracing::error!(%error, "commands cannot be looked up; the next attempt follows"),
        }
        match store.due_pushes(Utc::now()).await {
            Ok(due) => due.into_iter().for_each(|push| leave(&client, push)),
            Err(error) => {
                tracing::error!(%error, "configurations cannot be looked up; the next attempt follows")
            }
        }
    }
}

/// The broker keeps it: a node that is away finds it when it comes back.
fn leave(client: &AsyncClient, push: DuePush) {
    match client.try_publish(&push.topic, QoS::AtLeastOnce, true, push.envelope) {
        Ok(()) => tracing::info!(topic = push.topic, "configuration left at the broker"),
        Err(error) => {
            tracing::warn!(topic = push.topic, %error, "a configuration found no place; it is sent again");
        }
    }
}
