use super::*;
use realmwright_snapshot::Period;

const CHEAP: PasswordHashing = PasswordHashing {
    memory_kib: 8,
    iterations: 1,
    parallelism: 1,
};

fn queue(length: u32, millis: u64) -> PasswordQueue {
    PasswordQueue {
        length,
        max_wait: Period::from_millis(millis),
    }
}

fn password(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

#[tokio::test]
async fn a_new_hash_verifies_and_another_password_does_not() {
    let pool = PasswordPool::new(1);
    let hash = pool
        .hash(password("correct horse"), [7; 16], CHEAP, queue(1, 1000))
        .await
        .unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
    assert!(!hash.contains("correct"));
    let hash = PasswordHash::parse(&hash).unwrap();
    let verify = async |text: &str| {
        let checked = pool.verify(password(text), hash.clone(), queue(1, 1000));
        let checked = checked.await.unwrap();
        assert!(!checked.took.is_zero(), "what a check costs is measured");
        checked.right
    };
    assert!(verify("correct horse").await);
    assert!(!verify("correct hors").await);
    assert!(!verify("").await);
}

/// The response floor follows what is measured: the dearer hash must be seen to be dearer.
#[tokio::test]
async fn what_a_check_takes_is_what_its_hash_costs() {
    let pool = PasswordPool::new(1);
    let took = async |cost: &str| {
        let text = format!("$2b${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
        let hash = PasswordHash::parse(&text).unwrap();
        let checked = pool.verify(password("U*U"), hash, queue(1, 1000)).await;
        checked.unwrap().took
    };
    // 32 times the work: no load of the machine turns this round.
    assert!(took("04").await < took("09").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_says_so_at_once() {
    let pool = PasswordPool::new(1);
    let (release, held) = std::sync::mpsc::channel::<()>();
    let busy = pool.clone();
    let running = tokio::spawn(async move {
        busy.run(queue(1, 1000), move || {
            held.recv().unwrap();
            Ok(())
        })
        .await
    });
    while pool.cores.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let waiting = {
        let pool = pool.clone();
        tokio::spawn(async move { pool.run(queue(1, 60_000), || Ok(())).await })
    };
    while pool.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let third = pool.run(queue(1, 60_000), || Ok(())).await;
    assert!(matches!(third, Err(HashFault::Busy { .. })));
    assert_eq!(pool.waiting(), 1, "who was refused does not wait");
    release.send(()).unwrap();
    assert_eq!(running.await.unwrap(), Ok(()));
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(pool.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_wait_ends_in_busy() {
    let pool = PasswordPool::new(1);
    let core = Arc::clone(&pool.cores).acquire_owned().await.unwrap();
    let answer = pool.run(queue(5, 20), || Ok(())).await;
    assert!(matches!(answer, Err(HashFault::Busy { retry_after }) if retry_after.as_secs() == 1));
    drop(core);
    assert_eq!(
        pool.run(queue(0, 0), || Ok(())).await,
        Ok(()),
        "free: no queue needed"
    );
}

#[tokio::test]
async fn they_are_served_in_the_order_in_which_they_came() {
    let pool = PasswordPool::new(1);
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let core = Arc::clone(&pool.cores).acquire_owned().await.unwrap();
    let mut callers = Vec::new();
    for number in 0..20 {
        let (waiter, order) = (pool.clone(), Arc::clone(&order));
        callers.push(tokio::spawn(async move {
            waiter
                .run(queue(100, 60_000), move || {
                    order.lock().unwrap().push(number);
                    Ok(())
                })
                .await
        }));
        while pool.waiting() <= number {
            tokio::task::yield_now().await;
        }
    }
    drop(core);
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_goes_away_leaves_the_queue() {
    let pool = PasswordPool::new(1);
    let core = Arc::clone(&pool.cores).acquire_owned().await.unwrap();
    let waiter = {
        let pool = pool.clone();
        tokio::spawn(async move { pool.run(queue(1, 60_000), || Ok(())).await })
    };
    while pool.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    waiter.abort();
    let _ = waiter.await;
    assert_eq!(pool.waiting(), 0);
    drop(core);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_checks_at_once_are_all_right() {
    let pool = PasswordPool::new(2);
    let hash = pool
        .hash(password("correct horse"), [7; 16], CHEAP, queue(1, 1000))
        .await
        .unwrap();
    let hash = PasswordHash::parse(&hash).unwrap();
    let checks = (0..64).map(|number| {
        let is_right = number % 2 == 0;
        let text = if is_right { "correct horse" } else { "wrong" };
        let checked = pool.verify(password(text), hash.clone(), queue(100, 60_000));
        async move { (is_right, checked.await.unwrap().right) }
    });
    for (expected, right) in futures::future::join_all(checks).await {
        assert_eq!(right, expected);
    }
}
