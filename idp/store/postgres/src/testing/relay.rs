//! A way to a server that can be led elsewhere, slowed, cut or silenced, as networks and failovers
//! do it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// A port that leads to a server.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    way: Arc<Way>,
}

#[derive(Debug)]
struct Way {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    delay: Duration,
    /// Connections with a lower number carry nothing.
    silent_below: u64,
    open: Vec<Connection>,
    next: u64,
    ended: bool,
}

#[derive(Debug)]
struct Connection {
    number: u64,
    near: TcpStream,
    far: TcpStream,
}

impl Relay {
    /// Leads to this server.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, target)
    }

    /// Leads to this server from another address of this machine.
    #[must_use]
    pub fn at(address: Ipv4Addr, target: SocketAddr) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let way = Arc::new(Way {
            state: Mutex::new(State {
                target,
                delay: Duration::ZERO,
                silent_below: 0,
                open: Vec::new(),
                next: 0,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&way);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if accepting.state().ended {
                    return;
                }
                // Who cannot be led on is turned away, as by a server that is down.
                let _ = accepting.open(near);
            }
        });
        Self { address, way }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead to this server.
    pub fn lead_to(&self, target: SocketAddr) {
        self.way.state().target = target;
    }

    /// Each piece on its way to the server takes so long.
    pub fn delay(&self, delay: Duration) {
        self.way.state().delay = delay;
    }

    /// Connections of before end.
    pub fn cut(&self) {
        for connection in self.way.state().open.drain(..) {
            connection.end();
        }
    }

    /// Connections of before carry nothing more and do not end, as those to a machine that is
    /// gone.
    pub fn silence(&self) {
        let mut state = self.way.state();
        state.silent_below = state.next;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.way.state().ended = true;
        self.cut();
        self.way.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }

    fn open(self: &Arc<Self>, near: TcpStream) -> std::io::Result<()> {
        let target = self.state().target;
        let far = TcpStream::connect(target)?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.open.push(Connection {
            number,
            near: near.try_clone()?,
            far: far.try_clone()?,
        });
        drop(state);
        for (from, to, is_request) in [
            (near.try_clone()?, far.try_clone()?, true),
            (far, near, false),
        ] {
            let way = Arc::clone(self);
            std::thread::spawn(move || way.carry(number, from, to, is_request));
        }
        Ok(())
    }

    fn carry(&self, number: u64, mut from: TcpStream, mut to: TcpStream, is_request: bool) {
        let mut piece = [0; 16 * 1024];
        while let Some(piece) = read(&mut from, &mut piece) {
            let delay = self.state().delay;
            if is_request && !delay.is_zero() {
                std::thread::sleep(delay);
            }
            self.wait_while_silent(number);
            if to.write_all(piece).is_err() {
                break;
            }
        }
        self.wait_while_silent(number);
        let mut state = self.state();
        if let Some(at) = state.open.iter().position(|open| open.number == number) {
            state.open.swap_remove(at).end();
        }
    }

    fn wait_while_silent(&self, number: u64) {
        let state = self.state();
        let silent = |state: &mut State| number < state.silent_below && !state.ended;
        drop(self.changed.wait_while(state, silent).expect("no panic"));
    }
}

/// What came next; none at the end.
fn read<'p>(from: &mut TcpStream, piece: &'p mut [u8]) -> Option<&'p [u8]> {
    let length = from.read(piece).ok()?;
    piece.get(..length).filter(|piece| !piece.is_empty())
}

impl Connection {
    fn end(&self) {
        let _ = self.near.shutdown(Shutdown::Both);
        let _ = self.far.shutdown(Shutdown::Both);
    }
}
