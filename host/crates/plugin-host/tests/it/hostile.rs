//! What a bad plugin can do to a request, and cannot do to others.

use std::time::Duration;

use authly_core::ports::{ClaimTarget, HookError};
use authly_plugin_host::{AllocatorChoice, CallOutcome, Limits, Options, PluginStatus};
use serde_json::json;

use crate::harness::{STAMP, Site, only, stamps};

/// Each guest, and how its call must end.
const HOSTILE: [(&str, CallOutcome); 11] = [
    ("endless_loop", CallOutcome::CpuLimit),
    ("sleeps", CallOutcome::WallLimit),
    ("memory_bomb", CallOutcome::MemoryLimit),
    ("panics", CallOutcome::Crash),
    ("recursion", CallOutcome::Crash),
    ("large_answer", CallOutcome::AnswerRefused),
    ("many_changes", CallOutcome::PatchRefused),
    ("protected_claim", CallOutcome::PatchRefused),
    ("removes_protected", CallOutcome::PatchRefused),
    ("ungranted_claim", CallOutcome::PatchRefused),
    ("says_unavailable", CallOutcome::PluginError),
];

fn plugin_name(guest: &str) -> String {
    guest.replace('_', "-")
}

async fn every_hostile_guest_fails_alone(allocator: AllocatorChoice) {
    let site = Site::new().await;
    for (guest, _) in HOSTILE {
        site.put(&plugin_name(guest), guest, &only(guest));
    }
    site.put("good", "stamp", &format!("{}{}", only("good"), stamps("well")));
    // Time enough on a busy machine, so that each meets the limit it is about: faulting in 64 MiB takes a while.
    let limits = Limits {
        cpu: Duration::from_secs(1),
        wall: Duration::from_secs(20),
        calls: 16,
        ..Limits::default()
    };
    site.put_toml("sleeps", &format!("{}[limits]\nwall_ms = 100\n", only("sleeps")));
    let node = site
        .start_with(Options {
            limits,
            allocator,
            ..site.options()
        })
        .await;
    for (guest, expected) in HOSTILE {
        // Beside each attack, somebody who is served.
        let (attacked, served) = tokio::join!(node.map(guest), node.stamp("good"));
        assert_eq!(served, json!("well"), "beside {guest}");
        let error = attacked.unwrap_err();
        let name = plugin_name(guest);
        assert_eq!(node.observer.outcome_of(&name), expected, "{guest}: {error}");
        match error {
            HookError::Failed { plugin, .. } => {
                assert_eq!(plugin, name);
                assert_ne!(guest, "says_unavailable");
            }
            HookError::Unavailable { plugin, .. } => {
                assert_eq!((plugin.as_str(), guest), ("says-unavailable", "says_unavailable"));
            }
        }
    }
    assert!(node.host.status().plugins.iter().all(PluginStatus::is_converged));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_guest_fails_alone_in_the_pool() {
    every_hostile_guest_fails_alone(AllocatorChoice::Pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_guest_fails_alone_on_demand() {
    every_hostile_guest_fails_alone(AllocatorChoice::OnDemand).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_loop_does_not_hold_the_only_executor_thread() {
    let site = Site::new().await;
    site.put("loops", "endless_loop", &only("loops"));
    site.put("good", "stamp", &format!("{}{}", only("good"), stamps("well")));
    let limits = Limits {
        cpu: Duration::from_millis(300),
        wall: Duration::from_secs(30),
        ..site.options().limits
    };
    let node = site
        .start_with(Options {
            limits,
            ..site.options()
        })
        .await;
    let order = std::sync::Mutex::new(Vec::new());
    let attack = async {
        node.map("loops").await.unwrap_err();
        order.lock().unwrap().push("loops");
    };
    let good = async {
        node.stamp("good").await;
        order.lock().unwrap().push("good");
    };
    tokio::join!(attack, good);
    assert_eq!(*order.lock().unwrap(), ["good", "loops"]);
}

#[tokio::test]
async fn a_refused_patch_changes_nothing() {
    let site = Site::new().await;
    site.put("harmful", "protected_claim", "optional = true\n");
    let node = site.start().await;
    let mapped = node.map("anyone").await.unwrap();
    for claims in mapped.claims.values() {
        assert_eq!(claims["sub"], "the-person");
        assert!(
            !claims.contains_key(STAMP),
            "the harmless change before the harmful one is refused with it"
        );
    }
    assert!(mapped.origins.is_empty());
    assert_eq!(node.observer.outcome_of("harmful"), CallOutcome::PatchRefused);
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut_and_cannot_forge_a_line() {
    let site = Site::new().await;
    site.put("flood", "log_flood", "");
    let limits = Limits {
        log_lines: 10,
        cpu: Duration::from_secs(2),
        ..site.options().limits
    };
    let node = site
        .start_with(Options {
            limits,
            ..site.options()
        })
        .await;
    assert_eq!(node.stamp("anyone").await, json!("logged"));
    let lines = node.observer.lines_of("flood");
    assert_eq!(lines.len(), 10);
    assert!(
        lines[0].starts_with("first\\n{") && lines[0].ends_with(" k\\n=v\\u{1b}[31m"),
        "{}",
        lines[0]
    );
    assert_eq!(
        lines[9],
        "log limit of this call reached; further lines are dropped"
    );
}

#[tokio::test]
async fn wasi_holds_nothing_and_what_is_printed_is_logged() {
    let site = Site::new().await;
    site.put("prints", "prints", "");
    site.put("panics", "panics", &only("panics"));
    let node = site.start().await;
    assert_eq!(node.stamp("anyone").await, json!(true));
    assert_eq!(node.observer.lines_of("prints"), ["printed", "to stderr"]);
    node.map("panics").await.unwrap_err();
    assert!(
        node.observer
            .lines_of("panics")
            .iter()
            .any(|line| line.contains("this guest panics"))
    );
}

#[tokio::test]
async fn too_many_calls_at_once_are_unavailable_not_a_crash() {
    let site = Site::new().await;
    site.put(
        "sleeps",
        "sleeps",
        &format!("{}[limits]\nwall_ms = 5000\n", only("sleeps")),
    );
    site.put("good", "stamp", &format!("{}{}", only("good"), stamps("well")));
    let limits = Limits {
        calls: 1,
        queue: Duration::from_millis(20),
        wall: Duration::from_secs(5),
        ..Limits::default()
    };
    let node = site
        .start_with(Options {
            limits,
            ..site.options()
        })
        .await;
    // Served until the other one has the slot, and refused from then on.
    let refused = async {
        loop {
            match node.map("good").await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    };
    let (sleeps, good) = tokio::join!(node.map("sleeps"), refused);
    assert!(matches!(good, HookError::Unavailable { .. }), "{good:?}");
    assert_eq!(node.observer.outcome_of("good"), CallOutcome::Overloaded);
    assert!(matches!(sleeps, Err(HookError::Failed { .. })));
    // The slot comes back with the instance, which is dropped beside the request.
    let limits = Limits {
        calls: 1,
        ..Limits::default()
    };
    let node = site
        .start_with(Options {
            limits,
            ..site.options()
        })
        .await;
    node.map("sleeps").await.unwrap_err();
    assert_eq!(node.stamp("good").await, json!("well"));
}

#[tokio::test]
async fn one_plugin_cannot_take_every_slot() {
    let site = Site::new().await;
    let toml = format!("{}[limits]\nwall_ms = 500\nconcurrency = 1\n", only("sleeps"));
    site.put("sleeps", "sleeps", &toml);
    site.put("good", "stamp", &format!("{}{}", only("good"), stamps("well")));
    let limits = Limits {
        calls: 2,
        queue: Duration::from_millis(20),
        ..Limits::default()
    };
    let node = site
        .start_with(Options {
            limits,
            ..site.options()
        })
        .await;
    let (first, second, good) = tokio::join!(node.map("sleeps"), node.map("sleeps"), node.map("good"));
    assert!(matches!(first, Err(HookError::Failed { .. })));
    assert!(matches!(second, Err(HookError::Unavailable { .. })));
    assert_eq!(good.unwrap().claims[&ClaimTarget::AccessToken][STAMP], "well");
}
