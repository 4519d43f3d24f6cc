//! Keeps the signing keys to their schedule.

use std::{sync::Arc, time::Duration};

use authly_core::{Clock, ports::TenantStorage};
use authly_jose::RotationPolicy;

use crate::app::rotate_due;

/// Time between two looks at the schedule, whose shortest step is a minute.
pub const ROTATION_INTERVAL: Duration = Duration::from_secs(20);

/// Takes the steps that are due, for ever. Every node does: the database lets each step happen once.
pub async fn rotate_keys(storage: Arc<dyn TenantStorage>, policy: RotationPolicy, clock: Arc<dyn Clock>) {
    loop {
        if let Err(error) = rotate_due(storage.as_ref(), &policy, clock.now()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "signing keys could not be rotated; trying again"
            );
        }
        tokio::time::sleep(ROTATION_INTERVAL).await;
    }
}
