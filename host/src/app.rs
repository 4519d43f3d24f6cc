//! The composition root: from a configuration to a running server. The only file that names concrete adapters.

mod authenticator;
mod background;
mod descriptors;
mod dev;
mod egress;
mod keys;
mod plugins;
mod scopes;
mod system;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use authly_accounts::PasswordPool;
use authly_core::{
    Clock, Rng, SecretBytes, StorageError, TenantId,
    ports::{ClaimMapper, Storage, TenantStorage},
};
use authly_egress::EgressError;
use authly_jose::{LocalSigner, SharedKeys};
use authly_oauth::{Issuer, Provider, client_auth::ClientKeys, discovery::Documents};
use authly_plugin_host::PluginHost;
use authly_storage::{MigrateError, Sealer, cache::cached};

use self::authenticator::PasswordAuthenticator;
pub use self::{
    dev::{DevError, DevSeed},
    keys::{KeysError, OldKey, Replaced, publish_next, remove as remove_key, replace_now, rotate_due},
    system::{SystemClock, SystemRng},
};
use crate::{
    config::Config,
    jobs::{Jobs, rotate_keys},
    secrets,
    telemetry::Metrics,
    web::{
        self, AppState, Drained, Server, SharedState,
        middleware::{rate_limit::AddressRate, request_id::RequestIds},
        pages::Pages,
        routes::demo::{ClaimTrace, Demo},
        state::{Accounts, Edge},
    },
};

/// How long background jobs and the plugin host may take to end, once no request is under way.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Why a server did not start. Worded for the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The encryption key cannot be had.
    #[error("cannot read the encryption key")]
    Key(#[from] secrets::DevKeyError),
    /// The encryption key has the wrong size.
    #[error("the encryption key cannot be used")]
    Seal(#[from] authly_storage::SealKeyError),
    /// The schema is not the one this release knows, or cannot be brought up to date.
    #[error("the database schema cannot be used")]
    Migrate(#[from] MigrateError),
    /// The database does not answer.
    #[error("cannot use the database")]
    Storage(#[from] StorageError),
    /// No keys to sign with.
    #[error("cannot prepare the signing keys")]
    Keys(#[from] KeysError),
    /// The address cannot be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// Nobody can be asked for anything.
    #[error("cannot make the client for outbound requests")]
    Egress(#[from] EgressError),
    /// No plugin can run.
    #[error("cannot start the plugin host")]
    Plugins(#[from] authly_plugin_host::StartError),
    /// The threads that check passwords do not start.
    #[error("cannot start the threads that check passwords")]
    Passwords(#[from] authly_accounts::PasswordError),
    /// A page or its texts are broken.
    #[error("cannot load the pages")]
    Pages(#[from] web::pages::PagesError),
    /// The demo's client, people or plugin cannot be made.
    #[error("cannot prepare the demo")]
    Dev(#[from] DevError),
}

/// Time and randomness, so that a test can hold both.
#[derive(Clone)]
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random source.
    pub rng: Arc<dyn Rng>,
}

impl World {
    /// The operating system's.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
        }
    }
}

/// An opened database: what the command line needs, and the ground a server stands on.
pub struct Opened {
    /// The database behind its cache.
    pub storage: Arc<dyn Storage>,
    /// The one tenant.
    pub tenant: Arc<dyn TenantStorage>,
    /// The key that seals what is secret at rest.
    encryption_key: SecretBytes,
}

/// Brings the schema up to date, opens the database and seeds what every tenant has.
///
/// # Errors
/// [`StartError`] naming the part that failed.
pub async fn open(config: &Config, world: &World) -> Result<Opened, StartError> {
    let report = authly_storage::migrate(&config.database).await?;
    if !report.applied.is_empty() {
        tracing::info!(
            migrations = report.applied.len(),
            "brought the database schema up to date"
        );
    }
    let opened = open_current(config, world).await?;
    scopes::seed(opened.tenant.as_ref(), world.clock.now()).await?;
    Ok(opened)
}

/// As [`open`], but seeds nothing, and refuses a database that is not there or whose schema is not the one this
/// release knows: when it is migrated is for the operator to decide.
///
/// # Errors
/// [`StartError`] naming the part that failed; [`StartError::Migrate`] for the schema.
pub async fn open_current(config: &Config, world: &World) -> Result<Opened, StartError> {
    let (storage, encryption_key) = connect(config, world).await?;
    let storage: Arc<dyn Storage> = Arc::new(cached(storage, Arc::clone(&world.clock)));
    let tenant = storage.tenant(&TenantId::default_tenant());
    Ok(Opened {
        storage,
        tenant,
        encryption_key,
    })
}

/// Whether the database is there, with the schema this release knows. Changes nothing.
///
/// # Errors
/// As [`open_current`].
pub async fn check(config: &Config, world: &World) -> Result<(), StartError> {
    connect(config, world).await.map(drop)
}

/// The database and the key that seals what is secret in it.
async fn connect(config: &Config, world: &World) -> Result<(Arc<dyn Storage>, SecretBytes), StartError> {
    let encryption_key = secrets::encryption_key(&config.encryption_key, world.rng.as_ref())?;
    let sealer = Sealer::new(&encryption_key, Arc::clone(&world.rng))?;
    let storage = authly_storage::open(&config.database, sealer)
        .await
        .map_err(open_error)?;
    Ok((storage, encryption_key))
}

/// Tells a schema that does not fit from a database that fails.
fn open_error(error: StorageError) -> StartError {
    match error {
        StorageError::Backend(cause) => match cause.downcast::<MigrateError>() {
            Ok(error) => StartError::Migrate(*error),
            Err(cause) => StartError::Storage(StorageError::Backend(cause)),
        },
        other => StartError::Storage(other),
    }
}

/// A server that listens but does not serve yet.
pub struct App {
    server: Server,
    routes: Arc<dyn web::Answers>,
    jobs: Jobs,
    /// Parts a test or the command line looks at.
    pub parts: Arc<Parts>,
}

/// The parts behind the routes.
pub struct Parts {
    /// The tenant's provider.
    pub provider: Arc<Provider>,
    /// The database.
    pub storage: Arc<dyn Storage>,
    /// Password hashing.
    pub passwords: Arc<PasswordPool>,
    /// The plugins.
    pub plugins: Arc<PluginHost>,
    /// What `--dev` made and must print once; `None` outside `--dev`.
    pub dev: Option<DevSeed>,
    /// Which plugin set which claim; `None` outside `--dev`.
    trace: Option<Arc<ClaimTrace>>,
}

impl App {
    /// Builds everything and binds the address.
    ///
    /// # Errors
    /// [`StartError`] naming the part that failed; nothing listens then.
    pub async fn start(config: &Config, world: World) -> Result<Self, StartError> {
        let server = Server::bind(config.listen, descriptors::fit(config.server.limits.clone()))
            .await
            .map_err(|source| StartError::Listen {
                address: config.listen,
                source,
            })?;
        let issuer = config.issuer_at(server.local_addr());
        let opened = open(config, &world).await?;
        let metrics = Arc::new(Metrics::new());
        let parts = Arc::new(Parts::build(config, &issuer, &opened, &world, &metrics).await?);
        let authenticator = PasswordAuthenticator::new(
            config,
            &opened.encryption_key,
            (Arc::clone(&opened.tenant), Arc::clone(&parts.passwords)),
            &world,
            Arc::clone(&metrics),
        );
        let state = web_state(config, &parts, &world, Arc::new(authenticator), metrics)?;
        let jobs = background::start_jobs(&opened, &parts, &world);
        jobs.spawn(
            "key rotation",
            rotate_keys(
                Arc::clone(&opened.tenant),
                config.key_rotation,
                Arc::clone(&world.clock),
            ),
        );
        Ok(Self {
            server,
            routes: web::router(&state),
            jobs,
            parts,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// What it serves; the extension [`web::server::Peer`] says who asks.
    pub fn routes(&self) -> Arc<dyn web::Answers> {
        Arc::clone(&self.routes)
    }

    /// Serves until `shutdown` resolves, drains, and ends every job.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) -> Drained {
        let drained = self.server.serve(self.routes, shutdown).await;
        let end = async {
            self.jobs.stop().await;
            self.parts.plugins.shutdown().await;
        };
        if tokio::time::timeout(STOP_MAX, end).await.is_err() {
            tracing::warn!("background work did not end in time and is left behind");
        }
        drained
    }
}

impl Parts {
    async fn build(
        config: &Config,
        issuer: &Issuer,
        opened: &Opened,
        world: &World,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, StartError> {
        let tenant = &opened.tenant;
        let keys = Arc::new(SharedKeys::new(
            keys::ensure_keys(tenant, world.clock.as_ref()).await?,
        ));
        let passwords = Arc::new(
            PasswordPool::new(config.login.password_threads, config.login.password_queue)?
                .with_policy(config.accounts.passwords),
        );
        let dev = if config.dev {
            Some(dev::seed(config, issuer, tenant, &passwords, world).await?)
        } else {
            None
        };
        let plugins = plugins::start(config, &opened.encryption_key, tenant, world, metrics).await?;
        let plugins = Arc::new(plugins);
        let trace = config
            .dev
            .then(|| Arc::new(ClaimTrace::new(Arc::clone(&plugins) as _)));
        let mapper: Arc<dyn ClaimMapper> = match &trace {
            Some(trace) => Arc::clone(trace) as _,
            None => Arc::clone(&plugins) as _,
        };
        let provider = Arc::new(Provider {
            issuer: issuer.clone(),
            settings: config.oauth.clone(),
            storage: Arc::clone(tenant),
            signer: Arc::new(LocalSigner::new(Arc::clone(&keys))),
            keys,
            mapper,
            rng: Arc::clone(&world.rng),
            client_keys: ClientKeys::new(Arc::new(egress::client(config)?)),
        });
        Ok(Self {
            provider,
            storage: Arc::clone(&opened.storage),
            passwords,
            plugins,
            dev,
            trace,
        })
    }
}

/// What the routes work with.
fn web_state(
    config: &Config,
    parts: &Parts,
    world: &World,
    authenticator: Arc<PasswordAuthenticator>,
    metrics: Arc<Metrics>,
) -> Result<SharedState, StartError> {
    let issuer = &parts.provider.issuer;
    let pages = Arc::new(Pages::load(None, issuer.path(), Arc::clone(&world.rng))?);
    let edge = Arc::new(Edge {
        issuer: issuer.clone(),
        limits: config.server.limits.clone(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        clock: Arc::clone(&world.clock),
        ids: RequestIds::new(Arc::clone(&world.rng)),
        pages: Arc::clone(&pages),
        observer: Arc::clone(&metrics) as _,
    });
    let demo = parts.trace.as_ref().map(|trace| Demo {
        view: dev::view(config, issuer),
        trace: Arc::clone(trace),
    });
    Ok(Arc::new(AppState {
        edge,
        provider: Arc::clone(&parts.provider),
        accounts: Accounts {
            login: authenticator.login(),
            passwords: Arc::clone(&parts.passwords),
            registration_open: config.accounts.registration_open,
            registrations: AddressRate::new(config.accounts.registration_rate),
        },
        authenticator,
        pages,
        storage: Arc::clone(&parts.storage),
        demo,
        documents: Documents::default(),
        metrics,
        readiness: plugins::readiness(&parts.plugins, &world.clock),
    }))
}
