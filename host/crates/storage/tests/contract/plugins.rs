//! Desired plugin state.

use authly_core::{
    AuditAction, Effects,
    plugin::{DesiredPlugin, PluginComponent, PluginDigest, PluginHistory, PluginName},
    ports::{ActivateOutcome, Activation, TenantStorage},
};

use super::{
    Backend,
    fixtures::{at, effects},
};

pub fn name(text: &str) -> PluginName {
    PluginName::parse(text).unwrap()
}

pub fn digest(byte: u8) -> PluginDigest {
    PluginDigest([byte; 32])
}

pub fn activation(plugin: &str, byte: u8, expected: Option<i64>) -> Activation {
    Activation {
        name: name(plugin),
        component: PluginComponent {
            digest: digest(byte),
            wasm: vec![byte; 1_000],
            toml: format!("hooks = [{byte}]"),
        },
        expected_generation: expected,
        rejects: None,
        now: at(i64::from(byte)),
    }
}

pub fn activated() -> Effects {
    effects(AuditAction::PluginActivated {
        plugin: "p".to_owned(),
        digest: String::new(),
        generation: 0,
    })
}

async fn activate(tenant: &dyn TenantStorage, byte: u8, expected: Option<i64>) -> Option<i64> {
    match tenant
        .activate_plugin(activation("p", byte, expected), activated())
        .await
        .unwrap()
    {
        ActivateOutcome::Activated { generation } => Some(generation),
        ActivateOutcome::Stale => None,
    }
}

async fn became(tenant: &dyn TenantStorage, plugin: &str, byte: u8) -> Option<PluginHistory> {
    tenant.plugin_history(&name(plugin), digest(byte)).await.unwrap()
}

pub async fn first_activation_needs_absence(backend: &impl Backend) {
    let tenant = backend.tenant();
    assert_eq!(
        activate(&*tenant, 1, Some(1)).await,
        None,
        "there is no such plugin"
    );
    assert_eq!(activate(&*tenant, 1, None).await, Some(1));
    assert_eq!(activate(&*tenant, 2, None).await, None, "somebody was faster");
    let expected = DesiredPlugin {
        name: name("p"),
        enabled: true,
        active_digest: digest(1),
        previous_digests: Vec::new(),
        generation: 1,
        updated_at: at(1),
    };
    assert_eq!(tenant.load_plugins().await.unwrap(), [expected]);
    let component = tenant.load_component(digest(1)).await.unwrap();
    assert_eq!(component, Some(activation("p", 1, None).component));
    assert_eq!(
        tenant.load_component(digest(2)).await.unwrap(),
        None,
        "nothing of a stale one is stored"
    );
    assert_eq!(became(&*tenant, "p", 2).await, None);
    assert_eq!(became(&*tenant, "p", 1).await, Some(PluginHistory::Activated));
    assert_eq!(backend.effect_counts().await, [1, 1, 0]);
    assert!(
        backend
            .other_tenant()
            .await
            .load_plugins()
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn activation_compares_the_generation(backend: &impl Backend) {
    let tenant = backend.tenant();
    activate(&*tenant, 1, None).await;
    assert_eq!(activate(&*tenant, 2, Some(1)).await, Some(2));
    assert_eq!(activate(&*tenant, 3, Some(1)).await, None);
    assert_eq!(
        activate(&*tenant, 1, Some(2)).await,
        Some(3),
        "a rollback is a generation of its own"
    );
    let now = &tenant.load_plugins().await.unwrap()[0];
    assert_eq!((now.active_digest, now.generation), (digest(1), 3));
    assert_eq!(now.previous_digests, [digest(2)]);
    assert_eq!(backend.effect_counts().await, [3, 3, 0]);
}

pub async fn three_earlier_candidates_are_kept(backend: &impl Backend) {
    let tenant = backend.tenant();
    tenant
        .activate_plugin(activation("other", 1, None), activated())
        .await
        .unwrap();
    activate(&*tenant, 1, None).await;
    for byte in 2..=6 {
        activate(&*tenant, byte, Some(i64::from(byte) - 1)).await.unwrap();
    }
    let plugins = tenant.load_plugins().await.unwrap();
    let now = plugins.iter().find(|p| p.name == name("p")).unwrap();
    assert_eq!(now.previous_digests, [digest(5), digest(4), digest(3)]);
    assert_eq!(
        tenant.load_component(digest(2)).await.unwrap(),
        None,
        "forgotten bytes are not kept"
    );
    assert!(tenant.load_component(digest(3)).await.unwrap().is_some());
    assert!(
        tenant.load_component(digest(1)).await.unwrap().is_some(),
        "another plugin runs them"
    );
    assert_eq!(
        became(&*tenant, "p", 2).await,
        Some(PluginHistory::Activated),
        "but it is still known"
    );
}

pub async fn refused_candidate_is_remembered(backend: &impl Backend) {
    let tenant = backend.tenant();
    assert_eq!(became(&*tenant, "p", 1).await, None);
    let rejected = || {
        effects(AuditAction::PluginRejected {
            plugin: "p".to_owned(),
            digest: String::new(),
            reason: "an import that is not linked".to_owned(),
        })
    };
    for secs in [1, 2] {
        tenant
            .reject_plugin(&name("p"), digest(1), at(secs), rejected())
            .await
            .unwrap();
    }
    assert_eq!(became(&*tenant, "p", 1).await, Some(PluginHistory::Refused));
    assert_eq!(became(&*tenant, "q", 1).await, None, "under this name only");
    assert!(tenant.load_plugins().await.unwrap().is_empty());
    assert_eq!(backend.audit().await, ["plugin_rejected"; 2]);
    activate(&*tenant, 1, None).await;
    assert_eq!(
        became(&*tenant, "p", 1).await,
        Some(PluginHistory::Activated),
        "what became of it at last"
    );
}

pub async fn plugin_is_disabled_as_a_new_generation(backend: &impl Backend) {
    let tenant = backend.tenant();
    activate(&*tenant, 1, None).await;
    let set = async |plugin: &str, enabled| {
        let effects = Effects::none();
        tenant
            .set_plugin_enabled(&name(plugin), enabled, at(50), effects)
            .await
            .unwrap()
    };
    assert!(set("p", false).await);
    assert!(!set("q", false).await);
    let now = &tenant.load_plugins().await.unwrap()[0];
    assert_eq!((now.enabled, now.generation, now.updated_at), (false, 2, at(50)));
    assert_eq!(
        activate(&*tenant, 2, Some(1)).await,
        None,
        "the caller saw it enabled"
    );
    assert_eq!(activate(&*tenant, 2, Some(2)).await, Some(3));
    let now = &tenant.load_plugins().await.unwrap()[0];
    assert_eq!(
        (now.active_digest, now.enabled),
        (digest(2), false),
        "what an operator disabled stays so"
    );
    assert!(set("p", true).await);
    assert!(tenant.load_plugins().await.unwrap()[0].enabled);
}

pub async fn candidate_that_is_left_behind_is_refused(backend: &impl Backend) {
    let tenant = backend.tenant();
    activate(&*tenant, 1, None).await;
    activate(&*tenant, 2, Some(1)).await;
    let back = |expected| Activation {
        rejects: Some(digest(2)),
        ..activation("p", 1, Some(expected))
    };
    let outcome = tenant.activate_plugin(back(1), activated()).await.unwrap();
    assert_eq!(outcome, ActivateOutcome::Stale);
    assert_eq!(
        became(&*tenant, "p", 2).await,
        Some(PluginHistory::Activated),
        "nothing of a stale one is stored"
    );
    let outcome = tenant.activate_plugin(back(2), activated()).await.unwrap();
    assert_eq!(outcome, ActivateOutcome::Activated { generation: 3 });
    assert_eq!(became(&*tenant, "p", 2).await, Some(PluginHistory::Refused));
    assert_eq!(became(&*tenant, "p", 1).await, Some(PluginHistory::Activated));
}
