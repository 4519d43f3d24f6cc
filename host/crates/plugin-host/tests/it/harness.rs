//! A directory, a database and a node on them.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use authly_core::{
    ClientId, RequestContext, SecretBytes, TenantId, UserId,
    client::{AccessTokenFormat, AssertionAudience, AuthMethod, Client},
    key::SigningAlg,
    plugin::PluginName,
    ports::{
        ClaimMapInput, ClaimMapper as _, ClaimTarget, HookError, HookSubject, MappedClaims, PluginStore,
        TenantStorage,
    },
    scope::ScopeSet,
    time::{Clock as _, Timestamp},
    user::User,
};
use authly_plugin_host::{
    AllocatorChoice, CacheOptions, CallOutcome, CallReport, Limits, LoadEvent, LogLine, Options, PluginHost,
    PluginObserver, ProposalOutcome,
};
use authly_storage::{DatabaseConfig, Sealer};
use authly_testkit::{clock::TestClock, guests::guest, random::SeededRng};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// The claim that well-behaved guests set.
pub const STAMP: &str = "https://example.com/stamp";

/// Where nodes live.
pub struct Site {
    root: tempfile::TempDir,
    pub storage: Arc<dyn TenantStorage>,
    pub clock: Arc<TestClock>,
}

impl Site {
    pub async fn new() -> Self {
        let rng = Arc::new(SeededRng::new(1));
        let sealer = Sealer::new(&SecretBytes::new(vec![1; 32]), rng).unwrap();
        let database = authly_storage::open(&DatabaseConfig::new("sqlite::memory:"), sealer)
            .await
            .unwrap();
        let site = Self {
            root: tempfile::tempdir().unwrap(),
            storage: database.tenant(&TenantId::default_tenant()),
            clock: Arc::new(TestClock::new()),
        };
        fs::create_dir(site.dir()).unwrap();
        site
    }

    pub fn dir(&self) -> std::path::PathBuf {
        self.root.path().join("plugins")
    }

    pub fn cache_dir(&self) -> std::path::PathBuf {
        self.root.path().join("code")
    }

    /// Puts a guest and its toml into the directory.
    pub fn put(&self, name: &str, guest_name: &str, toml: &str) {
        self.put_bytes(name, &fs::read(guest(guest_name)).unwrap(), toml);
    }

    pub fn put_bytes(&self, name: &str, wasm: &[u8], toml: &str) {
        self.put_toml(name, toml);
        fs::write(self.dir().join(format!("{name}.wasm")), wasm).unwrap();
    }

    pub fn put_toml(&self, name: &str, toml: &str) {
        fs::write(self.dir().join(format!("{name}.toml")), toml).unwrap();
    }

    pub fn options(&self) -> Options {
        Options {
            dir: Some(self.dir()),
            cache: Some(CacheOptions {
                dir: self.cache_dir(),
                key: SecretBytes::new(vec![2; 32]),
            }),
            limits: Limits {
                calls: 16,
                ..Limits::default()
            },
            poll_interval: Duration::from_hours(1),
            allocator: AllocatorChoice::Auto,
            ..Options::default()
        }
    }

    /// A node that looks at directory and storage when it is told to.
    pub async fn start(&self) -> Node {
        self.start_with(self.options()).await
    }

    pub async fn start_with(&self, options: Options) -> Node {
        let node = self.start_watching(options).await;
        node.host.shutdown().await;
        node
    }

    /// A node on a storage of its own kind.
    pub async fn start_on(&self, storage: Arc<dyn PluginStore>) -> Node {
        let node = self.watching_on(self.options(), storage).await;
        node.host.shutdown().await;
        node
    }

    /// A node that watches on its own.
    pub async fn start_watching(&self, options: Options) -> Node {
        self.watching_on(options, Arc::clone(&self.storage) as Arc<dyn PluginStore>)
            .await
    }

    async fn watching_on(&self, options: Options, storage: Arc<dyn PluginStore>) -> Node {
        let (sender, events) = mpsc::unbounded_channel();
        let observer = Arc::new(Recorder {
            events: sender,
            calls: Mutex::default(),
            lines: Mutex::default(),
        });
        let host = PluginHost::start(options, storage, self.clock.clone(), observer.clone())
            .await
            .unwrap();
        Node {
            host,
            observer,
            events: tokio::sync::Mutex::new(events),
            now: self.clock.now(),
        }
    }
}

/// A running plugin host.
pub struct Node {
    pub host: PluginHost,
    pub observer: Arc<Recorder>,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<LoadEvent>>,
    now: Timestamp,
}

impl Node {
    /// What becomes of the one plugin that the directory holds anew.
    pub async fn propose(&self, name: &str) -> ProposalOutcome {
        let proposals = self.host.propose_directory().await;
        proposals
            .into_iter()
            .find(|proposal| proposal.name == name)
            .expect("it is in the directory")
            .outcome
    }

    pub async fn map(&self, client: &str) -> Result<MappedClaims, HookError> {
        self.host.map_claims(input(client, self.now)).await
    }

    /// The stamp in the access token of a client.
    pub async fn stamp(&self, client: &str) -> Value {
        let mapped = self.map(client).await.unwrap();
        mapped.claims[&ClaimTarget::AccessToken]
            .get(STAMP)
            .cloned()
            .unwrap_or(Value::Null)
    }

    /// Waits for an event that fits.
    pub async fn event(&self, fits: impl Fn(&LoadEvent) -> bool) -> LoadEvent {
        let mut events = self.events.lock().await;
        loop {
            let event = events.recv().await.expect("the node lives");
            if fits(&event) {
                return event;
            }
        }
    }

    /// Everything that happened since it was last asked.
    pub async fn events(&self) -> Vec<LoadEvent> {
        let mut events = self.events.lock().await;
        let mut all = Vec::new();
        while let Ok(event) = events.try_recv() {
            all.push(event);
        }
        all
    }

    pub fn trouble(&self, name: &str) -> Option<String> {
        let status = self.host.status();
        let name = PluginName::parse(name).unwrap();
        status
            .plugins
            .into_iter()
            .find(|plugin| plugin.name == name)
            .and_then(|plugin| plugin.trouble)
    }
}

/// Remembers what it is told.
pub struct Recorder {
    events: mpsc::UnboundedSender<LoadEvent>,
    /// Plugin, generation, outcome, whether the predecessor is asked instead.
    pub calls: Mutex<Vec<(String, i64, CallOutcome, bool)>>,
    pub lines: Mutex<Vec<String>>,
}

impl Recorder {
    pub fn outcome_of(&self, plugin: &str) -> CallOutcome {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .rfind(|call| call.0 == plugin)
            .expect("it was called")
            .2
    }

    pub fn lines_of(&self, plugin: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .filter_map(|line| Some(line.strip_prefix(plugin)?.strip_prefix(": ")?.to_owned()))
            .collect()
    }
}

impl PluginObserver for Recorder {
    fn called(&self, report: &CallReport<'_>) {
        let plugin = report.plugin;
        assert_eq!(report.request_id, "request-1");
        self.calls.lock().unwrap().push((
            plugin.name.to_string(),
            plugin.generation,
            report.outcome,
            report.falls_back,
        ));
    }

    fn loaded(&self, event: &LoadEvent) {
        let _ = self.events.send(event.clone());
    }

    fn logged(&self, line: &LogLine<'_>) {
        let mut text = format!("{}: {}", line.plugin.name, line.message);
        for (key, value) in line.fields {
            text.extend([" ", key, "=", value]);
        }
        self.lines.lock().unwrap().push(text);
    }
}

/// A response of all three targets to a person.
pub fn input(client_id: &str, now: Timestamp) -> ClaimMapInput {
    let own = json!({ "sub": "the-person", "aud": "the-audience", "email": "p@example.com" });
    let own = own.as_object().unwrap();
    ClaimMapInput {
        request: RequestContext {
            request_id: "request-1".to_owned(),
            client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user_agent: None,
            now,
        },
        issuer: "https://issuer.example".to_owned(),
        client: client(client_id, now).into(),
        subject: HookSubject::User(user(now).into()),
        session: None,
        grant_type: "authorization_code",
        scope: ScopeSet::parse("openid profile").unwrap(),
        audience: vec!["the-audience".to_owned()],
        claims: [
            ClaimTarget::IdToken,
            ClaimTarget::AccessToken,
            ClaimTarget::Userinfo,
        ]
        .into_iter()
        .map(|target| (target, own.clone()))
        .collect(),
    }
}

fn client(id: &str, now: Timestamp) -> Client {
    Client {
        id: ClientId::parse(id).unwrap(),
        name: "A client".to_owned(),
        token_endpoint_auth_method: AuthMethod::None,
        secret_hash: None,
        secret: None,
        jwks: None,
        jwks_uri: None,
        token_endpoint_auth_signing_alg: None,
        assertion_audience: AssertionAudience::default(),
        redirect_uris: vec!["https://client.example/cb".to_owned()],
        post_logout_redirect_uris: Vec::new(),
        grant_types: Vec::new(),
        scopes: ScopeSet::default(),
        audiences: Vec::new(),
        introspection_audiences: Vec::new(),
        id_token_signed_response_alg: SigningAlg::Rs256,
        access_token_signed_response_alg: SigningAlg::Es256,
        access_token_format: AccessTokenFormat::default(),
        userinfo_signed_response_alg: None,
        access_token_ttl: None,
        id_token_ttl: None,
        refresh_token_ttl: None,
        default_max_age: None,
        first_party: false,
        client_uri: None,
        policy_uri: None,
        tos_uri: None,
        rotate_refresh_tokens: true,
        enabled: true,
        created_at: now,
        version: 1,
    }
}

fn user(now: Timestamp) -> User {
    User {
        id: UserId::from_uuid(uuid::Uuid::from_u128(7)),
        username: "person".to_owned(),
        claims: json!({ "department": "research", "level": 3 })
            .as_object()
            .unwrap()
            .clone(),
        groups: vec!["staff".to_owned(), "admins".to_owned()],
        is_admin: false,
        enabled: true,
        verified: true,
        requires_password_change: false,
        password_changed_at: None,
        last_login_at: None,
        pseudonym: uuid::Uuid::from_u128(8),
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// The toml of the guest `stamp`.
pub fn stamps(text: &str) -> String {
    format!("[config]\ntext = \"{text}\"\n")
}

/// A toml that binds to one client.
pub fn only(client: &str) -> String {
    format!("clients = [\"{client}\"]\n")
}

/// A file's bytes changed in place.
pub fn tamper(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}
