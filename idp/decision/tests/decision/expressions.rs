use realmwright_decision::expression::{
    Compiled, MAX_LENGTH, Scope, Truth, Type, Unevaluable, Value, helpers,
};
use realmwright_snapshot::DataClass;
use rstest::rstest;

use crate::fixture::*;

fn eval(source: &str) -> Result<Value, Unevaluable> {
    eval_in(source, &World::default())
}

fn eval_in(source: &str, world: &World) -> Result<Value, Unevaluable> {
    compile(source)
        .unwrap_or_else(|faults| panic!("{source}: {faults:?}"))
        .evaluate(&world.facts())
}

#[rstest]
#[case("1 + 2 * 3 == 7")]
#[case("(1 + 2) * 3 == 9")]
#[case("-3 + 5 == 2 && 7 % 4 == 3 && 7 / 2 == 3 && -7 / 2 == -3")]
#[case("0xff == 255")]
#[case("-9223372036854775808 < 0")]
#[case("!false && !!true")]
#[case("'a' + \"b\" == 'ab'")]
#[case(r"'\x41\u0042\U00000043\n\t\\\'' == 'ABC\n\t\\\''")]
#[case(r"r'\d+' == '\\d+'")]
#[case("'b' in ['a', 'b']")]
#[case("!('c' in ['a', 'b'])")]
#[case("[1, 2] + [3] == [1, 2, 3]")]
#[case("[1, 2, 3][2] == 3")]
#[case("true ? true : false")]
#[case("person.level >= 3 // a comment\n && person.active")]
#[case("person.known && person.sub == 'u1'")]
#[case("client.id in person.appList")] // FLOW-22
#[case("person.email == 'ann@example.com'")]
#[case("person['email'] == 'ann@example.com'")]
#[case("has(person.email) && !has(person.accountExpires)")]
#[case("'admin' in person.roles && 'demo:editor' in person.roles")]
#[case("person.groups.exists(g, g == '/Staff/Ops')")]
#[case("person.groups.all(g, g.startsWith('/Staff'))")]
#[case("person.groups.exists_one(g, g.endsWith('/Ops'))")]
#[case("person.groups.filter(g, g.contains('Ops')) == ['/Staff/Ops']")]
#[case("person.groups.map(g, g.replace('/Staff', '')) == ['', '/Ops']")]
#[case("size(person.groups) == 2 && person.groups.size() == 2 && size('äb') == 2")]
#[case("'2F' in client.tags")] // FLOW-44
#[case("inCidr(request.ip, ['10.0.0.0/8', '203.0.113.0/24'])")] // FLOW-24
#[case("!inCidr(request.ip, ['203.0.113.8'])")]
#[case("inCidr('::ffff:10.1.2.3', ['10.0.0.0/8'])")]
#[case("inCidr('2001:db8::1', ['2001:db8::/32'])")]
#[case("person.email.matches('^[a-z]+@') && matches(person.email, 'example')")]
#[case("person.email.extract('@(.+)$', 1) == 'example.com'")] // ATTR-EXPR-04
#[case("'ÄBC'.lowerAscii() == 'Äbc'")]
#[case("mask('+380501234567', 3, 3) == '+38*******567'")] // AUTH-GEN-09
#[case("mask('abc', 2, 2) == '***'")]
#[case("timestamp('2026-11-22T12:00:00Z') == now")]
#[case("now - timestamp('2026-11-22T11:00:00Z') == duration('1h')")]
#[case("now + duration('1h30m') > now && duration('-5m') < duration('0s')")]
#[case(
    "parseTime('2021-09-23 13:58', '%Y-%m-%d %H:%M', 'Europe/Kyiv') == timestamp('2021-09-23T10:58:00Z')"
)]
#[case("parseTime('2021-09-23', '%Y-%m-%d', 'Etc/UTC') == timestamp('2021-09-23T00:00:00Z')")]
#[case("string(person.level) + 'x' == '3x'")]
#[case("!session.exists && session.factors == 0 && session.methods == []")]
#[case("'a' < 'b' && person.active == true")]
// One side that decides is enough, whatever the other is.
#[case("person.accountExpires == 'x' || true")]
#[case("!(person.accountExpires == 'x' && false)")]
#[case("[1].exists(x, x == 1 || person.accountExpires == '')")]
fn true_expressions(#[case] source: &str) {
    assert_eq!(eval(source), Ok(Value::Bool(true)), "{source}");
}

#[rstest]
#[case("", "not complete")]
#[case("1 +", "not complete")]
#[case("(1", "`)` is missing for this")]
#[case("[1, 2", "`]` is missing")]
#[case("1 2", "should end here")]
#[case("a = b", "not an operator")]
#[case("true & false", "not an operator")]
#[case("'abc", "not closed")]
#[case(r"'\q'", "no such escape")]
#[case(r"'\ud800'", "hexadecimal")]
#[case("{'a': 1}", "maps are not part")]
#[case("1.5", "fractions")]
#[case("1e3", "fractions")]
#[case("12u", "digits only")]
#[case("9223372036854775808", "64-bit")]
#[case("null", "`null` is not part")]
#[case("for", "reserved")]
#[case("person.in", "not a name")]
#[case("person", "has parts")]
#[case("persn.email", "there is no `persn`")]
#[case("person.emial", "declares no attribute `emial`")]
#[case("person.email.domain", "has no parts")]
#[case("session.claims.other", "declares no session claim")]
#[case("request.address", "has no part")]
#[case("person.level && true", "must be of type bool")]
#[case("person.level + 'a'", "does not go with int and string")]
#[case("person.email == 1", "does not go with")]
#[case("[1, 'a']", "one type")]
#[case("true ? 1 : 'a'", "both branches")]
#[case("person.groups < person.roles", "does not go with")]
#[case("'a' in 'abc'", "does not go with")]
#[case("person.email.exists(x, true)", "not a list")]
#[case("person.groups.exists(x)", "takes a variable")]
#[case("person.groups.exists('x', true)", "takes a variable")]
#[case("[1].all(a, [1].all(b, [1].all(c, true)))", "two deep")]
#[case("lower('a')", "no function")]
#[case("startsWith('a', 'b')", "called on a value")]
#[case("'a'.mask(1, 2)", "not called on a value")]
#[case("mask('a', 1)", "number of arguments")]
#[case("person.email.matches('(')", "unclosed group")]
#[case("person.email.matches(person.email)", "written here")]
#[case("person.email.matches('a{1000}{1000}{1000}')", "too large")]
#[case("person.email.extract('(a)', 2)", "groups 0 to 1")]
#[case("inCidr(request.ip, ['10.0.0.0/33'])", "is no network")]
#[case("inCidr(request.ip, ['179.218'])", "is no network")] // FLOW-24: prefixes of text are refused
#[case("inCidr(request.ip, [])", "empty list")]
#[case("timestamp('today')", "RFC 3339")]
#[case("duration('1d')", "no duration")]
#[case("parseTime('x', '%Y', 'Europe/Kyev')", "no time zone")]
#[case("has(person)", "takes one path")]
#[case("has(person.nope)", "declares no attribute")]
#[case("login", "has parts")]
fn faults(#[case] source: &str, #[case] message: &str) {
    let faults = compile(source).expect_err(source);
    assert!(faults[0].message.contains(message), "{source}: {faults:?}");
}

#[test]
fn faults_say_where_and_what_may_have_been_meant() {
    let source = "person.active &&\n  ö == person.emial";
    let faults = compile("person.active &&\n  person.emial == 'ö' && persn.x").unwrap_err();
    assert_eq!(faults.len(), 2, "all faults are reported: {faults:?}");
    assert_eq!((faults[0].line, faults[0].column), (2, 10));
    assert_eq!(faults[0].suggestion.as_deref(), Some("email"));
    assert_eq!(faults[0].span, 26..31);
    assert_eq!(faults[1].suggestion.as_deref(), Some("person"));
    assert_eq!((faults[1].line, faults[1].column), (2, 26));
    assert_eq!(compile(source).unwrap_err()[0].line, 2);
}

#[test]
fn length_and_nesting_are_bounded() {
    let long = format!("'{}'", "a".repeat(MAX_LENGTH));
    assert!(compile(&long).unwrap_err()[0].message.contains("bytes"));
    let deep = format!("{}true{}", "(".repeat(500), ")".repeat(500));
    assert!(compile(&deep).unwrap_err()[0].message.contains("nested"));
    let chain = vec!["true"; 200].join("&&");
    assert!(compile(&chain).unwrap_err()[0].message.contains("nested"));
    let nots = format!("{}true", "!".repeat(1000));
    assert!(compile(&nots).unwrap_err()[0].message.contains("nested"));
    let fields = format!("person{}", ".a".repeat(900));
    assert!(compile(&fields).is_err());
    assert!(compile(&vec!["true"; 60].join("&&")).is_ok());
}

#[test]
fn what_is_read_is_known() {
    let reads = |source| compile(source).unwrap().reads().clone();
    assert_eq!(
        reads("client.id == 'x'").data_class,
        DataClass::Pseudonymous
    );
    assert_eq!(
        reads("person.level > 1").data_class,
        DataClass::Pseudonymous
    );
    assert_eq!(reads("person.email == ''").data_class, DataClass::Personal);
    assert_eq!(reads("request.ip == ''").data_class, DataClass::Personal);
    assert_eq!(
        reads("has(person.diagnosis)").data_class,
        DataClass::Medical
    );
    let both = reads("person.level > 1 && person.email == '' && 'x' in session.claims.grps");
    assert_eq!(both.attributes.len(), 2);
    assert!(both.session_claims.contains("grps") && both.person);
    assert!(!reads("session.exists").person);
}

#[test]
fn scopes_see_only_their_names() {
    let refused =
        |source: &str, scope| Compiled::compile(&source.into(), &environment(scope)).is_err();
    assert!(refused("login.factors == 1", Scope::Claim));
    assert!(!refused("person.email", Scope::Claim));
    assert!(refused("client.id", Scope::Person));
    assert!(refused("person.roles", Scope::Computed));
    assert!(refused("person.email", Scope::Match));
    assert!(!refused("login + client.id", Scope::Match));
    assert!(refused("now", Scope::Match));
}

#[test]
fn absent_values_make_a_condition_unknown() {
    let world = World::default();
    let holds = |source: &str| compile(source).unwrap().holds(&world.facts());
    let unknown = |truth| matches!(truth, Truth::Unknown(Unevaluable::Absent(_)));
    assert!(unknown(holds("person.accountExpires == 'x'")));
    assert!(unknown(holds("!(person.accountExpires == 'x')")));
    assert!(unknown(holds("session.age > duration('1m')")));
    assert!(unknown(holds("request.loginHint == 'x'")));
    assert!(unknown(holds(
        "person.groups.all(g, g == person.accountExpires)"
    )));
    assert!(unknown(holds("[1][5] == 1")));
    assert!(unknown(holds("person.email.extract('x(y)', 1) == ''")));
    assert_eq!(holds("has(session.age)"), Truth::False);
}

#[test]
fn a_person_not_yet_known_is_another_reason_than_an_absent_value() {
    let world = World {
        person: None,
        ..World::default()
    };
    let holds = |source: &str| compile(source).unwrap().holds(&world.facts());
    let waits = Truth::Unknown(Unevaluable::NotIdentified);
    assert_eq!(holds("person.email == 'x'"), waits);
    assert_eq!(holds("has(person.email)"), waits);
    assert_eq!(holds("person.requiredFactors > 1"), waits);
    assert_eq!(
        holds("request.loginHint == 'x' || person.email == ''"),
        waits
    );
    assert_eq!(holds("person.known"), Truth::False);
    assert_eq!(holds("person.known && person.email == 'x'"), Truth::False);
}

#[test]
fn failures_are_reasons_not_panics() {
    let failed = |source: &str| {
        let result = eval(source);
        assert!(
            matches!(result, Err(Unevaluable::Failed(_))),
            "{source}: {result:?}"
        );
    };
    failed("1 / 0 == 1");
    failed("1 % (person.level - 3) == 1");
    failed("9223372036854775807 + person.level == 1");
    failed("-9223372036854775808 / -1 == 1");
    failed("-(-9223372036854775807 - 1) == 1");
    failed("timestamp(person.email) == now");
    failed("now + duration('99999999999h') == now");
    // FLOW-23: an account expiry that cannot be read is no expiry date; deny rules then deny.
    failed("parseTime(person.email, '%Y-%m-%d %H:%M', 'Etc/UTC') < now");
    failed("inCidr(person.email, ['10.0.0.0/8'])");
    failed("inCidr(request.ip, person.appList)");
}

#[test]
fn work_is_bounded() {
    let mut world = World::default();
    let many = (0..1000).map(|n| format!("/{n}")).collect();
    world.person.as_mut().unwrap().groups = many;
    let source = "person.groups.all(a, person.groups.all(b, a + b != 'x'))";
    assert_eq!(eval_in(source, &world), Err(Unevaluable::TooMuchWork));
    let doubling =
        "person.groups.map(a, a.replace('/', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx')).size() > 0";
    assert_eq!(eval_in(doubling, &world), Ok(Value::Bool(true)));
}

#[test]
fn session_claims_have_their_type_at_run_time() {
    let mut session = session_by(&[proof("password", 1, 5)]);
    session
        .claims
        .insert("grps".into(), serde_json::json!(["a", "b"]));
    session
        .claims
        .insert("flag".into(), serde_json::json!({"x": 1}));
    let world = World {
        session: Some(session),
        ..World::default()
    };
    assert_eq!(
        eval_in("'a' in session.claims.grps", &world),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        eval_in("session.claims.grps.exists(g, g == 'b')", &world),
        Ok(Value::Bool(true))
    );
    assert!(matches!(
        eval_in("session.claims.grps + 1 > 2", &world),
        Err(Unevaluable::Failed(_))
    ));
    assert!(matches!(
        eval_in("session.claims.flag == 'x'", &world),
        Err(Unevaluable::Failed(_))
    ));
    assert_eq!(
        eval_in("has(session.claims.flag)", &world),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        eval_in(
            "session.age == duration('5m') && session.factors == 1",
            &world
        ),
        Ok(Value::Bool(true))
    );
}

#[test]
fn a_condition_is_of_type_bool() {
    let environment = environment(Scope::Condition);
    let faults = Compiled::condition(&"person.email".into(), &environment).unwrap_err();
    assert_eq!(
        faults[0].message,
        "must be of type bool, but is of type string"
    );
    assert!(Compiled::condition(&"session.claims.flag".into(), &environment).is_err());
    assert!(Compiled::compile_as(&"person.groups".into(), &environment, &Type::strings()).is_ok());
}

#[rstest]
#[case("1h30m", Some(5_400_000))]
#[case("500ms", Some(500))]
#[case("-2s", Some(-2_000))]
#[case("", None)]
#[case("-", None)]
#[case("5", None)]
#[case("5d", None)]
#[case("m", None)]
#[case("99999999999999999999s", None)]
fn durations(#[case] text: &str, #[case] millis: Option<i128>) {
    assert_eq!(helpers::parse_duration(text).map(|d| d.as_millis()), millis);
}
