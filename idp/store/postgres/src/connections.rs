//! Connections, kept at hand from one call to the next.
//!
//! The driver's pool asks the server on every release, in a task of its own, whether the connection
//! still works: a second round trip for each statement. A connection whose call came to its end
//! needs no such question, and is kept here for the next one. All others go back to the pool, which
//! asks: those whose call failed or was given up, and those that lay or were kept for long.
//!
//! What is asked must answer soon. A connection to a machine that is gone neither answers nor ends
//! before TCP gives up, after a quarter of an hour, and the pool counts it as long as it waits for
//! it.
//!
//! A server that takes no writes is not used, not even for reads: it may be a standby, or one that
//! was replaced and came back, and know nothing of what was written since. Each connection that
//! comes from the pool is asked first, and closed if it leads to one: by now the address may lead
//! to another.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use realmwright_store::ConnectionUse;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgQueryResult, PgRow, PgStatement};
use sqlx::{Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// A connection that lay idle for longer is tried before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);
/// How long a connection is kept from the pool, which ends those that are idle or old.
const KEPT: Duration = Duration::from_secs(60);
/// How long a connection that is tried may take to answer.
const TRIED_WITHIN: Duration = Duration::from_secs(1);
const TAKES_WRITES: &str = "SELECT NOT current_setting('transaction_read_only')::bool";
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
const LIFETIME: Duration = Duration::from_secs(1800);

/// A standby, or a database that was told to be read only.
#[derive(Debug, thiserror::Error)]
#[error("the database takes no writes")]
pub(crate) struct ReadOnly;

/// All connections of a store.
#[derive(Debug)]
pub(crate) struct Connections {
    pool: PgPool,
    /// As many as there may be connections: who has one finds a connection at hand or in the pool.
    turns: Semaphore,
    acquire_timeout: Duration,
    /// The one put back last is at the end.
    at_hand: Mutex<Vec<AtHand>>,
}

#[derive(Debug)]
struct AtHand {
    connection: PoolConnection<Postgres>,
    from_pool: Instant,
    put_back: Instant,
}

/// Whether a connection is of use. False ends it in order, an error at once.
pub(crate) async fn takes_writes(connection: &mut PgConnection) -> Result<bool, Error> {
    let asked = sqlx::query_scalar(TAKES_WRITES).fetch_one(connection);
    let late = |_| Error::Io(std::io::ErrorKind::TimedOut.into());
    timeout(TRIED_WITHIN, asked).await.map_err(late)?
}

/// A connection for one call. Dropped, it goes back to the pool.
#[derive(Debug)]
pub(crate) struct Taken<'c> {
    connection: PoolConnection<Postgres>,
    from_pool: Instant,
    connections: &'c Connections,
    _turn: SemaphorePermit<'c>,
}

impl Connections {
    /// At most `most`; none is made yet.
    pub(crate) fn new(options: PgConnectOptions, most: u32, acquire_timeout: Duration) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(acquire_timeout)
            .idle_timeout(IDLE_TIMEOUT)
            .max_lifetime(LIFETIME)
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(takes_writes(connection)))
            .connect_lazy_with(options);
        Self {
            pool,
            turns: Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)),
            acquire_timeout,
            at_hand: Mutex::default(),
        }
    }

    /// Waits for a connection, in the order of asking.
    pub(crate) async fn take(&self) -> Result<Taken<'_>, Error> {
        let turn = timeout(self.acquire_timeout, self.turns.acquire()).await;
        let turn = turn
            .map_err(|_| Error::PoolTimedOut)?
            .map_err(|_| Error::PoolClosed)?;
        Ok(match self.take_at_hand() {
            Some(kept) => self.taken(kept.connection, kept.from_pool, turn),
            None => {
                let late = |_| Error::PoolTimedOut;
                let from_pool = timeout(self.acquire_timeout, self.take_from_pool());
                let connection = from_pool.await.map_err(late)??;
                self.taken(connection, Instant::now(), turn)
            }
        })
    }

    /// One that leads to a server which takes writes. Those that lay in the pool may lead
    /// elsewhere by now, a new one does not.
    async fn take_from_pool(&self) -> Result<PoolConnection<Postgres>, Error> {
        loop {
            let may_be_old = self.pool.num_idle() > 0;
            let mut connection = self.pool.acquire().await?;
            let useless = match takes_writes(&mut connection).await {
                Ok(true) => return Ok(connection),
                Ok(false) => Error::Io(std::io::Error::other(ReadOnly)),
                Err(fault) => fault,
            };
            drop(connection.detach());
            if !may_be_old {
                return Err(useless);
            }
        }
    }

    /// A connection that can be had without waiting.
    pub(crate) fn try_take(&self) -> Option<Taken<'_>> {
        let turn = self.turns.try_acquire().ok()?;
        Some(match self.take_at_hand() {
            Some(kept) => self.taken(kept.connection, kept.from_pool, turn),
            None => self.taken(self.pool.try_acquire()?, Instant::now(), turn),
        })
    }

    fn taken<'c>(
        &'c self,
        connection: PoolConnection<Postgres>,
        from_pool: Instant,
        turn: SemaphorePermit<'c>,
    ) -> Taken<'c> {
        Taken {
            connection,
            from_pool,
            connections: self,
            _turn: turn,
        }
    }

    fn at_hand(&self) -> MutexGuard<'_, Vec<AtHand>> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_at_hand(&self) -> Option<AtHand> {
        let mut at_hand = self.at_hand();
        let lay_long = at_hand.partition_point(|kept| kept.put_back.elapsed() > TRUSTED_IDLE);
        let lay_long: Vec<_> = at_hand.drain(..lay_long).collect();
        let newest = at_hand.pop();
        drop(at_hand);
        drop(lay_long);
        newest
    }

    /// How they stand now.
    pub(crate) fn in_use(&self) -> ConnectionUse {
        let most = self.pool.options().get_max_connections();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        ConnectionUse {
            busy: most.saturating_sub(count(self.turns.available_permits())),
            idle: count(self.pool.num_idle() + self.at_hand().len()),
            most,
        }
    }

    /// How connections are made.
    pub(crate) fn options(&self) -> std::sync::Arc<PgConnectOptions> {
        self.pool.connect_options()
    }

    /// Closes all once their calls have ended; nobody gets one any more.
    pub(crate) async fn close(&self) {
        self.turns.close();
        self.at_hand().clear();
        self.pool.close().await;
    }
}

impl Taken<'_> {
    /// Keeps the connection for the next call: this one came to its end, and left no transaction
    /// open.
    pub(crate) fn put_back(self) {
        // Judged while nobody can clear them: one that is put beside a pool that closes would keep
        // it waiting.
        let mut at_hand = self.connections.at_hand();
        if self.from_pool.elapsed() < KEPT && !self.connections.turns.is_closed() {
            at_hand.push(AtHand {
                connection: self.connection,
                from_pool: self.from_pool,
                put_back: Instant::now(),
            });
        }
    }
}

impl Deref for Taken<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Taken<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// One statement on a connection of its own.
impl<'c> Executor<'c> for &'c Connections {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let all = async move {
            let mut taken = self.take().await?;
            let all: Vec<_> = taken.fetch_many(query).try_collect().await?;
            taken.put_back();
            Ok::<_, Error>(stream::iter(all.into_iter().map(Ok)))
        };
        stream::once(all).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let mut taken = self.take().await?;
            let row = taken.fetch_optional(query).await?;
            taken.put_back();
            Ok(row)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [<Postgres as sqlx::Database>::TypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut taken = self.take().await?;
            let statement = taken.prepare_with(sql, parameters).await?;
            taken.put_back();
            Ok(statement)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut taken = self.take().await?;
            let described = taken.describe(sql).await?;
            taken.put_back();
            Ok(described)
        })
    }
}
