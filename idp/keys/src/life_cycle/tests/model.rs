//! A world of pods, verifiers and an operator, of which only the schedule is random. Every pod
//! signs, and somebody fetches its JWK set, after every event.

use super::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Event {
    /// So many seconds pass.
    Wait(u64),
    /// The operator looks.
    Advance,
    /// A pod takes the newest keyring.
    Deliver(usize),
    /// A pod starts, at the newest keyring, with a clock so many seconds fast.
    Start(u64),
    /// A pod ends.
    Stop(usize),
    /// A client begins or ceases to use RSA.
    ToggleRsa,
    /// Tokens live so many minutes from now on.
    TokenLife(u64),
    /// Somebody rotates by hand.
    Rotate,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1u64..120).prop_map(Event::Wait),
        4 => (120u64..1800).prop_map(Event::Wait),
        8 => Just(Event::Advance),
        5 => (0usize..4).prop_map(Event::Deliver),
        1 => (0u64..=30).prop_map(Event::Start),
        1 => (0usize..4).prop_map(Event::Stop),
        1 => Just(Event::ToggleRsa),
        1 => (1u64..60).prop_map(Event::TokenLife),
        1 => Just(Event::Rotate),
    ]
}

struct Pod {
    name: String,
    keyring: Keyring,
    fast: u64,
}

struct Token {
    kid: KeyId,
    expires: u64,
}

struct Cached {
    kids: BTreeSet<KeyId>,
    until: u64,
}

struct World {
    driver: Driver,
    now: u64,
    pods: Vec<Pod>,
    started: usize,
    tokens: Vec<Token>,
    caches: Vec<Cached>,
    /// Oldest keyring that a snapshot with RSA clients may be served with, once it was bound.
    rsa_bound: Option<u64>,
}

const MAX_AGE: u64 = 10 * MINUTE;

impl World {
    fn new(publish_ahead: u64) -> Self {
        let mut driver = Driver::new(Policy {
            rotation_interval: Period::from_secs(2 * HOUR),
            publish_ahead: Period::from_secs(publish_ahead),
            jwks_max_age: Period::from_secs(MAX_AGE),
            skew: Period::from_secs(30),
            longest_token_life: Period::from_secs(30 * MINUTE),
            ..policy()
        });
        driver.settle(0);
        let mut world = Self {
            driver,
            now: 0,
            pods: Vec::new(),
            started: 0,
            tokens: Vec::new(),
            caches: Vec::new(),
            rsa_bound: None,
        };
        world.step(&Event::Start(0));
        world.step(&Event::Start(30));
        world
    }

    fn acknowledgements(&self) -> Acknowledgements {
        Acknowledgements {
            pods: self
                .pods
                .iter()
                .map(|pod| (pod.name.clone(), pod.keyring.revision))
                .collect(),
        }
    }

    fn step(&mut self, event: &Event) {
        match *event {
            Event::Wait(seconds) => self.now += seconds,
            Event::Advance => self.advance(),
            Event::Deliver(pod) => {
                if let Some(pod) = self.pods.get_mut(pod) {
                    pod.keyring = self.driver.keyring.clone();
                }
            }
            Event::Start(fast) => {
                self.started += 1;
                self.pods.push(Pod {
                    name: format!("pod-{}", self.started),
                    keyring: self.driver.keyring.clone(),
                    fast,
                });
            }
            Event::Stop(pod) => {
                if pod < self.pods.len() && self.pods.len() > 1 {
                    self.pods.remove(pod);
                }
            }
            Event::ToggleRsa => {
                // A policy keeps the algorithms of every snapshot still served, so nothing
                // signs with RSA any more once it is gone from there.
                let algorithms = &mut self.driver.policy.algorithms;
                if !algorithms.remove(&SigningAlgorithm::RS256) {
                    algorithms.insert(SigningAlgorithm::RS256);
                }
                self.rsa_bound = None;
            }
            Event::TokenLife(minutes) => {
                self.driver.policy.longest_token_life = Period::from_secs(minutes * MINUTE);
                // Longer tokens are issued only after the keyring knows of them.
                self.advance();
            }
            Event::Rotate => {
                let now = self.now;
                if let Ok(plan) = rotate_early(&self.driver.keyring, ES256, at(now)) {
                    self.driver.apply(&plan, now);
                }
            }
        }
        self.sign_and_fetch();
        self.check();
    }

    fn advance(&mut self) {
        let acknowledgements = self.acknowledgements();
        let Driver {
            policy, keyring, ..
        } = &self.driver;
        let plan = advance(policy, keyring, at(self.now), &acknowledgements);
        for activation in &plan.activate {
            assert!(
                self.pods
                    .iter()
                    .all(|pod| pod.keyring.find(&activation.kid).is_some()),
                "a key is scheduled that a pod does not have"
            );
        }
        let now = self.now;
        self.driver.apply(&plan, now);
        let Driver {
            policy, keyring, ..
        } = &self.driver;
        let is_wanted = policy.algorithms.contains(&SigningAlgorithm::RS256);
        let is_usable = keyring.current(RS256, at(now)).is_some();
        if is_wanted && is_usable && self.rsa_bound.is_none() {
            self.rsa_bound = Some(keyring.revision);
        }
    }

    fn sign_and_fetch(&mut self) {
        let life = self.driver.policy.longest_token_life.as_secs();
        for pod in &self.pods {
            let clock = self.now + pod.fast;
            // RSA only with a keyring that `bind` found enough.
            let rsa = self
                .rsa_bound
                .is_some_and(|bound| pod.keyring.revision >= bound);
            for purpose in std::iter::once(ES256).chain(rsa.then_some(RS256)) {
                let key = pod
                    .keyring
                    .current(purpose, at(clock))
                    .expect("there is always a signing key");
                self.tokens.push(Token {
                    kid: key.kid.clone(),
                    expires: clock + life,
                });
            }
            let published = pod.keyring.published(at(clock));
            self.caches.push(Cached {
                kids: published.map(|entry| entry.kid.clone()).collect(),
                until: self.now + MAX_AGE,
            });
        }
    }

    fn check(&mut self) {
        let now = self.now;
        self.tokens.retain(|token| now < token.expires);
        self.caches.retain(|cached| now < cached.until);
        let living: BTreeSet<&KeyId> = self.tokens.iter().map(|token| &token.kid).collect();
        for kid in living {
            for cached in &self.caches {
                assert!(
                    cached.kids.contains(kid),
                    "a token of {kid} does not verify against a cached JWK set"
                );
            }
            for pod in &self.pods {
                let mut known = pod.keyring.published(at(now + pod.fast));
                assert!(
                    known.any(|entry| entry.kid == *kid),
                    "{} does not know {kid}, which signed a living token",
                    pod.name
                );
            }
        }
        for pod in &self.pods {
            for purpose in [ES256, Purpose::Seal, Purpose::DataKey, Purpose::Pairwise] {
                assert!(
                    pod.keyring.current(purpose, at(now + pod.fast)).is_some(),
                    "{} has no key for {purpose:?}",
                    pod.name
                );
            }
        }
    }
}

proptest! {
    /// Every token ever signed verifies against any JWK set fetched within its cache life
    /// until it expires; no pod is ever without a signing key; no key is used before every
    /// pod has it; at most one key of an algorithm signs at a moment of a pod's clock.
    #[test]
    fn rotation_is_never_noticed(
        publish_ahead in prop_oneof![Just(0), Just(5 * MINUTE), Just(40 * MINUTE)],
        events in proptest::collection::vec(event(), 1..150),
    ) {
        let mut world = World::new(publish_ahead);
        for event in &events {
            world.step(event);
        }
    }
}

/// With pods that keep up, a rotation comes to its end: never more than two keys and one to
/// come.
#[test]
fn keys_do_not_pile_up() {
    let mut driver = Driver::new(Policy {
        rotation_interval: Period::from_secs(8 * HOUR),
        publish_ahead: Period::from_secs(HOUR),
        longest_token_life: Period::from_secs(HOUR),
        ..policy()
    });
    for quarter in 0..400 {
        driver.settle(quarter * 15 * MINUTE);
        let now = at(quarter * 15 * MINUTE);
        assert!(driver.keyring.published(now).count() <= 3);
    }
    assert_ne!(driver.current(ES256, 100 * HOUR), "k001");
}
