//! Answers: the bytes that are kept for retries, for every shape of result, and nothing else is read as one.

use crate::common::*;
use crate::runs::{declaration, declare, id_of, report, warmer};
use selfsame_machine::view::{ReadError, Table, View};
use selfsame_machine::{Batch, Fatal, apply};
use selfsame_protocol::canon;
use selfsame_protocol::command::*;
use selfsame_protocol::constitution::{OBJECTION_MS, Rules};
use selfsame_protocol::envelope::prepare;
use selfsame_protocol::ledger::Ledger;
use selfsame_protocol::number::NodeId;
use selfsame_protocol::p104::Outcome;
use selfsame_protocol::response::CommandResult;
use selfsame_protocol::time::{Timestamp, U64};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Signs a command, applies it, and gives the stored answer of its request behind the digest.
fn stored(world: &mut World, role: Role, key: &selfsame_protocol::keys::SecretKey, command: Command) -> String {
    let command = world.meant(command);
    let request = world.request();
    world.send(&envelope(role, key, &request, command)).unwrap();
    let row = [&key.public().id().as_bytes()[..], request.as_bytes()].concat();
    let row = world.model.get(Table::Requests, &row).unwrap().unwrap();
    String::from_utf8(row[32..].to_vec()).unwrap()
}

/// One answer of every shape, in order, as they are stored.
fn answers() -> Vec<String> {
    let mut world = World::new();
    let w = &mut world;
    let mut all = Vec::new();
    let enrol =
        Command::EnrolNode(EnrolNode { node: NodeId(4), key: node(4).public(), cosigner: node(4).cosigner().public() });
    all.push(stored(w, Role::Root, &root(0), enrol));
    all.push(stored(w, Role::Root, &root(0), Command::RetireNode(RetireNode { node: NodeId(4) })));
    let rotate = Command::RotateKey(RotateKey { key: OrganisationKey::Operator, new: key(90).public() });
    all.push(stored(w, Role::Root, &root(2), rotate));
    let technology = selfsame_protocol::p104::Technology::Software;
    all.push(stored(w, Role::Root, &root(0), Command::EnrolChip(EnrolChip { chip: chip(5).public(), technology })));
    all.push(stored(w, Role::Root, &root(0), Command::RetireChip(RetireChip { chip: chip(5).public().id() })));
    all.push(stored(w, Role::Operator, &operator(0), declare(declaration(), Some("case/7"))));
    all.push(stored(w, Role::Operator, &operator(1), declare(warmer(), Some("case/7"))));
    all.push(stored(w, Role::Operator, &operator(0), report(id_of(&declaration()), "e1", None)));

    let id = uuid(1);
    all.push(stored(w, Role::Chip, &chip(0), birth(&id, &chip(0))));
    let open = w.open_command(&id);
    all.push(stored(w, Role::Chip, &chip(0), open));
    let verification = w.pending(&id);
    let finding = selfsame_machine::verify::finding(&w.model, &verification).unwrap();
    let verdict = || {
        Command::Verdict(GiveVerdict {
            substrate_id: id.clone(),
            verification: verification.index,
            finding: finding.clone(),
        })
    };
    all.push(stored(w, Role::Node, &node(1), verdict()));
    all.push(stored(w, Role::Node, &node(2), verdict()));
    let append = w.append_command(&id, vec![item(Ledger::Evidence, "fact"), item(Ledger::Reasoning, "thought")]);
    all.push(stored(w, Role::Chip, &chip(0), append));
    let amend = w.amend_command(&id, amendment(&[("limit", json!("11"))]));
    all.push(stored(w, Role::Chip, &chip(0), amend));
    let cycle = w.cycle_command(&id, "cycle/1");
    all.push(stored(w, Role::Chip, &chip(0), cycle));
    let close = w.close_command(&id);
    all.push(stored(w, Role::Chip, &chip(0), close));
    assert_eq!(w.open(&id, &chip(0)), Outcome::Verified);
    all.push(stored(w, Role::Operator, &operator(0), Command::RecoverClose(RecoverClose { substrate_id: id.clone() })));
    let seal = w.seal_command(&id, "m1", &chip(1));
    all.push(stored(w, Role::Chip, &chip(0), seal));
    let abort = w.abort_command(&id, "m1", &chip(0));
    all.push(stored(w, Role::Chip, &chip(0), abort));
    w.seal(&id, "m2", &chip(0), &chip(1));
    let arrive = w.arrive_command(&id, "m2", &chip(1));
    all.push(stored(w, Role::Chip, &chip(1), arrive));

    let force = Proposal::ForceSeal {
        substrate_id: id.clone(),
        migration_id: "m3".into(),
        destination: chip(2).public().id(),
        reason: "lost".into(),
    };
    all.push(stored(w, Role::Root, &root(0), propose("seal", force)));
    w.ok(Role::Root, &root(1), vote("seal", true));
    all.push(stored(w, Role::Root, &root(2), vote("seal", true)));
    let rules = |ballot_ms| Proposal::ChangeRules { rules: Rules { ballot_ms: U64(ballot_ms), ..Rules::default() } };
    all.push(stored(w, Role::Root, &root(0), propose("rules", rules(2 * OBJECTION_MS))));
    w.ok(Role::Root, &root(1), vote("rules", true));
    all.push(stored(w, Role::Root, &root(2), vote("rules", true)));
    let retire = || Proposal::RetireChip { chip: chip(2).public().id(), reason: "stolen".into() };
    w.ok(Role::Root, &root(0), propose("no", retire()));
    all.push(stored(w, Role::Root, &root(1), vote("no", false)));
    let lost = Proposal::RotateKey {
        organisation: "chamber".parse().unwrap(),
        key: OrganisationKey::Root,
        new: key(91).public(),
        reason: "lost".into(),
    };
    w.ok(Role::Root, &root(0), propose("lost", lost));
    all.push(stored(w, Role::Root, &root(1), vote("lost", true)));
    w.ok(Role::Root, &root(0), propose("late", retire()));
    w.millis += 3 * OBJECTION_MS;
    all.push(stored(w, Role::Root, &root(0), Command::Conclude(Conclude { proposal_id: "late".into() })));
    all
}

/// Taken from the code as it was when results were written member by member.
const STORED: &str = r#"
{"accepted":{"submission":"sha256:285cc8f21a97bc9fbe082d797491bab855f887ec58db5640c4901feea5f6e95a","entries":[{"ledger":"reasoning","index":"3","hash":"sha256:95b6fe5056ed284c609154861ba99c0e539f31ebada416788c65dcfd4884b293"}],"result":{"action":"enrol_node","cosigner":"ed25519:dfcda9294d0f9e3d6800b3af9b97b55d7c67bd71cac07d778227f1e2c3b07a07","key":"ed25519:53470962558a6e0839022ae65c6b2723b32772e5c0c5f4776cb8e6a3e10ba2f3","node":"4"}}}
{"accepted":{"submission":"sha256:6b160db3d5932e984f6df320db6133e3ee9443457650f4b686399a729a32afd2","entries":[{"ledger":"reasoning","index":"4","hash":"sha256:9f5202fa8cda60cf6eacba70875c4985430fdd4405b76645add91dc3785f57b6"}],"result":{"action":"retire_node","node":"4"}}}
{"accepted":{"submission":"sha256:b9f32ba097c091d0dc5a266c83ae46f7e37a645cefd1bb0497904ef1b06ce8cb","entries":[{"ledger":"reasoning","index":"5","hash":"sha256:d6ba6bb32e6c535f0ea52c677e66de05f152a8e32e3a174c839464dfedec73e4"}],"result":{"action":"rotate_key","key":"operator","new":"ed25519:0d7550754e0800a5d237eef5826035766b9b3e5a15868a940ab289958788e3b0","old":"ed25519:91a28a0b74381593a4d9469579208926afc8ad82c8839b7644359b9eba9a4b3a"}}}
{"accepted":{"submission":"sha256:960f5b055b9a5ade619ee9504a4c6f537e4cb7baed1b56a876de6c3d22f4ff58","entries":[{"ledger":"reasoning","index":"6","hash":"sha256:271f1b9f729f7b20ea9063f48b5471c4e4e999719b7f3b435cb00446e6f58951"}],"result":{"action":"enrol_chip","chip":"sha256:b50003e0cc8ee143c82065185e2b8b646456800be30a9c34ee7259cc86f103ec","key":"ed25519:a87b8a99bd88a69686c994a80b629d8154871aa295540834c01d79f4f916502f","technology":"software"}}}
{"accepted":{"submission":"sha256:2f4439209d43bae0b07c46a6f9bafac41d6738fc8c2c9f9186fb7968a7ba8acb","entries":[{"ledger":"reasoning","index":"7","hash":"sha256:cfa3b556491d6972844fbf48b625c9ef662f54b9a160a861645ff695e1bb126a"}],"result":{"action":"retire_chip","chip":"sha256:b50003e0cc8ee143c82065185e2b8b646456800be30a9c34ee7259cc86f103ec"}}}
{"accepted":{"submission":"sha256:48dba2e183084bbf482738135ad1b8d0c4d14eda459ccb56bc5a262f1fe0a449","entries":[{"ledger":"evidence","index":"0","hash":"sha256:e82808c9257f194c0c7a399d13da986faf4ad7ebf7d3f638faac0bfbfc0449a7"},{"ledger":"evidence","index":"1","hash":"sha256:5171006cdf62011d46c9af0151ba2fae0a95df48f42ff77f581729a3357707d5"}],"result":{"disagreements":[],"elements":{"constraints":"sha256:2e85f23674ae307be193a9d676a109fe096311051bc5b25b5a59d10a4224b59b","context":"sha256:7bff87a812eac2c4a3380aac48e5f953cf1cb31527f188081fbc4a6b3bedd52c","model":"sha256:b140134cc5cfd0482d94940acf10708d23dd3a5bb6ea871674990e121ce1b0f2","parameters":"sha256:4b86a2098e00e0ab7c8ba30ded8eef9eebc6926b103efe6e3eaaee0490b28677","prompt":"sha256:c94517d640e95a0d947cf125e12d32e9ea54bfa94accdcbb1c818906fbe71c9c"},"new":true,"run_id":"sha256:ef296e1b4b34e7641674ca6c0404297c6e32f2df0a1ba085ab9207857e52a92c"}}}
{"accepted":{"submission":"sha256:71bc8cb17ad21b01ad8da5a52f4acc89c043d25ddff8b4caf72a8c0fa1809ea2","entries":[{"ledger":"evidence","index":"2","hash":"sha256:fd659c0ff60e1b585f7a7f2a56cf8796a74d163f367f265a8290adb9aaf8cd0e"},{"ledger":"evidence","index":"3","hash":"sha256:8fe56f64661ec28da0ab61a1cd9e6d6f23bdad2880d89ce2184a0c38e137a77f"},{"ledger":"evidence","index":"4","hash":"sha256:36566f8f960011a054831801368e66fd141ca01c8859234d7b9ca16fdf806ce7"}],"result":{"disagreements":[{"elements":["parameters"],"run_id":"sha256:ef296e1b4b34e7641674ca6c0404297c6e32f2df0a1ba085ab9207857e52a92c","with":"agency"}],"elements":{"constraints":"sha256:2e85f23674ae307be193a9d676a109fe096311051bc5b25b5a59d10a4224b59b","context":"sha256:7bff87a812eac2c4a3380aac48e5f953cf1cb31527f188081fbc4a6b3bedd52c","model":"sha256:b140134cc5cfd0482d94940acf10708d23dd3a5bb6ea871674990e121ce1b0f2","parameters":"sha256:5fb5ae15f0f30ec3402ff09fd65dc80856621ac923863382cd6b9b219a9b122b","prompt":"sha256:c94517d640e95a0d947cf125e12d32e9ea54bfa94accdcbb1c818906fbe71c9c"},"new":true,"run_id":"sha256:d516d5db4bce2f073d70b821fd802e0824f92fdcfef6191a1eb07daa8fae496d"}}}
{"accepted":{"submission":"sha256:c8dc70a134a0c7b992f974b2e3dce9abb050b223ecef34ee53db98c52626bfb4","entries":[{"ledger":"evidence","index":"5","hash":"sha256:cf888667325a41d779de9906f9abe74c705a0a9ef12ee1e8ab2dc89e1b351db7"}],"result":{"execution_id":"e1","run_id":"sha256:ef296e1b4b34e7641674ca6c0404297c6e32f2df0a1ba085ab9207857e52a92c"}}}
{"accepted":{"submission":"sha256:b92fc614c38009639fbd486472c4fb5599b3cf5f742341750d1be1acab42d70b","entries":[{"ledger":"reasoning","index":"8","hash":"sha256:a0ae9630e45768c44c97237debc86112424e15ac79a58878e854d13f8830fe99"}],"result":{"complete":true,"epoch":"1","founding_tension_hash":"sha256:885cb8ecc1a89e8f1258b8c95b5e902d1c6ee336f3294895f279ef712b9f9b63","substrate_id":"00000000-0000-4000-8000-000000000001","substrate_identity_hash":"sha256:d633e8a44733359f1acf55d0276492b396c0708902ec7a2549c91e0e1281b8a3"}}}
{"accepted":{"submission":"sha256:234c9000c8f54fe97546a129907b4faeefd716d666d506790566fa3af48ea08e","entries":[],"result":{"session":"1","verification":"13"}}}
{"accepted":{"submission":"sha256:9d4cdf30f6227eca490308f52191077b374f14fa14898217dd0d5a2b6811bb6c","entries":[],"result":{"decided":false}}}
{"accepted":{"submission":"sha256:95a227cf3011eddd4949a1f7c18bb9cb75d1f1c0a86309e7095ed9df81f0793d","entries":[{"ledger":"reasoning","index":"9","hash":"sha256:20a463af00ce183c921681e47c5393024655d100fba99a2e73bf17e132a519ac"}],"result":{"decided":true,"outcome":"INSUFFICIENT_DEPTH"}}}
{"accepted":{"submission":"sha256:616eeaff93bcf698e0d5fba3b4bf641c681e5895040420bb59198b58f528699b","entries":[{"ledger":"evidence","index":"6","hash":"sha256:2a0f72e5dbbd68e716998bbb856757ebde3d9e4eddbf34b68a2034981c7ddf01"},{"ledger":"reasoning","index":"10","hash":"sha256:ed5890531a34dd97b187ee90287fc1e3a7551ce19eea20ab40412ef200534877"}],"result":{"count":2,"seq":"2"}}}
{"accepted":{"submission":"sha256:5020463bcd938a91f8a1066c079c901cc4e46f1183ccf3a46b4c9e0c61997ca2","entries":[],"result":{"amendment_hash":"sha256:10c84ae7ba35d0319ac0e122bdfaecf392cf85cfe2622974d7c99c09ecf0c018","queued":1}}}
{"accepted":{"submission":"sha256:9965dd69080bb109e2c3e9fa93f47e77a1c433694746a280655ce73c31d6b9e3","entries":[{"ledger":"reasoning","index":"11","hash":"sha256:42a9db9e2389147af38e15ab02984d5eb31e6f224dd298d2c654f538b0815e0d"},{"ledger":"reasoning","index":"12","hash":"sha256:345dd7bcb18bb9acf9ab6b0bd2c1d20c2e1d0ccd30000fcde713d95595f661a0"}],"result":{"constitutional_state_hash":"sha256:47bef0745e30ed856081cd25311e2896f9efd7bcf6794a67fe479c2a3c804afd","cycle_identity_hash":"sha256:cb0e747874063f84deb01012ccc6008e65515c61b5a9136336be2e08e162d2c2","sequence":"1"}}}
{"accepted":{"submission":"sha256:9b2310f21f5bf8a1ac8cfe0c1eb367908076cef89c6633f9d802184b8473f502","entries":[{"ledger":"evidence","index":"7","hash":"sha256:c00d7ba64dcf80700509b87742610277f19006227a178a7a132d40a0a3c73c8f"},{"ledger":"reasoning","index":"13","hash":"sha256:e0c9966628e9ab908cf709b1c7f23d3be2b26f31288c70b01c14b998293af839"}],"result":{"continuity_hash":"sha256:8e4800f35d53722cd8b55716794a249d51d5c415e66385bc2c199bd350b36a80","session":"1","session_close_timestamp":"2026-03-08T00:00:19.000Z"}}}
{"accepted":{"submission":"sha256:86c84d3d994868a79818620225ad11397c40577a2208c3453b0a605dcd0e2312","entries":[{"ledger":"evidence","index":"8","hash":"sha256:31c20b303f837564ce31b75e63b1cd99dd5e917be862035537df9e9e21cfe655"},{"ledger":"reasoning","index":"15","hash":"sha256:c79df5fea2597e7114b470a07940d04ccfa6d74011ccc53a15f3829c30431024"}],"result":{"continuity_hash":"sha256:ceaee977e22426bbfd5ccce5bcec6fe093f0e3ee703f4acbdfdf95838212f23b","session":"2"}}}
{"accepted":{"submission":"sha256:195ff026f950dc8ad1899dcc843d322ba39f38d40668b1b18b14debebf23bb16","entries":[{"ledger":"reasoning","index":"16","hash":"sha256:63ba6372e4edecf1d06ae28c269d6e54f1d9b3714924f9c551f22b0524e12b41"}],"result":{"epoch":"2","migration_id":"m1","nonce":"sha256:476aa03c8410b9280d2da3c5711a0f4cc84c685fcd1d6fdc15660d1664a9e39a"}}}
{"accepted":{"submission":"sha256:ff567573cb4bf0d73fa17438932dea0b5aa5641801dc773d1a97c4b91737a088","entries":[{"ledger":"reasoning","index":"17","hash":"sha256:342fe8870b97deebc658d87a5d9b451af2cfd7866d149c29c59a3d2871870a26"}],"result":{"chip":"sha256:4bd5ff18f53eaaad39fa12bcdb89a9bd531c3c231c1ede858b59916aa84a4565","epoch":"2"}}}
{"accepted":{"submission":"sha256:91beb72243795dba2fd8db52080158fef24adcccb498c8e6308078fb5e1bf0ac","entries":[{"ledger":"reasoning","index":"19","hash":"sha256:9f9cebd233011db107087b1b934da22bb9b7e509c469042d91c246d0dfddcb29"},{"ledger":"reasoning","index":"20","hash":"sha256:5134e307df19cbbeddef86dcad6061fb234eca3465f8ec2c7664b92c4557bde7"}],"result":{"chip":"sha256:f31f5d967197f8859f3fb184cee0857fd4c36bf520b4389b1cbc6b4e1b14ab04","cycle_identity_hash":"sha256:08e03b56512256d7b4068ddc2492091989b1c3332ec7c71d05015f7413b49c13","epoch":"3"}}}
{"accepted":{"submission":"sha256:78805de7563dcb215bc1de7eb70db2009d43f1c6bd7a586c73ddeed444d53aeb","entries":[{"ledger":"reasoning","index":"21","hash":"sha256:023a0b86081ba35dfd7004249b48020dbb5172498194a090a340dba621466253"}],"result":{"approvals":["agency"],"decided":false,"proposal_id":"seal","rejections":[],"threshold":"3"}}}
{"accepted":{"submission":"sha256:f00919fcd37ee76f0d4a2bb68dff8e1b2c5ef8a26fc5fc01e731ebc3ab44e8c7","entries":[{"ledger":"reasoning","index":"23","hash":"sha256:8ad110ba8125612329fb778ae2780ac182b8c35852bf8d3139821e5089903713"},{"ledger":"reasoning","index":"24","hash":"sha256:3c317ad4b0f59d5e65d9152329de999c1a0daba4084c2aaea4877688623dc016"},{"ledger":"reasoning","index":"25","hash":"sha256:0a09612b6eb11bf4a241fbe29df96c2ba0d31809c5e98ebfc01ad674404e5e18"}],"result":{"approvals":["agency","bureau","chamber"],"decided":true,"nonce":"sha256:4214a5d8c3e6e9e3c550ff504c341095a80a48f0d7a3731165517c4242f5cc45","proposal_id":"seal","rejections":[],"result":"carried","threshold":"3"}}}
{"accepted":{"submission":"sha256:2431350eb9aa639ff6f06be79830fe954cf1608a8cb019b139dcf78ebccd1771","entries":[{"ledger":"reasoning","index":"26","hash":"sha256:a4b29679220810fa46c644a9c1f8dfe8a5e341ec3ed3e40992ebb5d77d26d9d0"}],"result":{"approvals":["agency"],"decided":false,"proposal_id":"rules","rejections":[],"threshold":"3"}}}
{"accepted":{"submission":"sha256:521384bfa60010776cf4f351aec0bc8182eaae57a37fc171c5d5b4f4123c2d43","entries":[{"ledger":"reasoning","index":"28","hash":"sha256:1f716b6bdbe1827bee8feba94b28f3f93f8e626f51cdc6934a0098edbfdd1e3b"},{"ledger":"reasoning","index":"29","hash":"sha256:4a13d740f414b2d1936cc9238594832e32d7ae9b6243c3c57bf71fafacaea787"},{"ledger":"reasoning","index":"30","hash":"sha256:ec4552bc6e9744bfe8adaf2675c6ea426e32c54ae3e27d95611f0b307fa79296"}],"result":{"approvals":["agency","bureau","chamber"],"constitutional_state_hash":"sha256:b7478a0ccb83e22b538aecfa39f7b3a26dd574be809b063afb7812fdf100cf8c","decided":true,"proposal_id":"rules","rejections":[],"result":"carried","threshold":"3"}}}
{"accepted":{"submission":"sha256:c4750ea08bce40022ad1e768da4518015bcbe5e7b46c3c819b6aa82a11e041f4","entries":[{"ledger":"reasoning","index":"32","hash":"sha256:bffa0498f86328e39f77db47a0bd10c959720a47adeb37a22ffe68c7791d7c42"},{"ledger":"reasoning","index":"33","hash":"sha256:327db1095df68bc8e3436c0ee09749459f04ab605c2ba7913ebbf384f9d51864"}],"result":{"approvals":["agency"],"decided":false,"proposal_id":"no","rejections":["bureau"],"result":"rejected","threshold":"3"}}}
{"accepted":{"submission":"sha256:063a47c2f04e88907ed27c2387ef46b4d60e95d186852f9ab9110c6cc84ba9b4","entries":[{"ledger":"reasoning","index":"35","hash":"sha256:33f6d76ec0a74f134d3f57bd8acb1422cd0fe668b701307535b58ecb39f46773"}],"result":{"approvals":["agency","bureau"],"carried_unopposed_from":"2026-03-15T00:00:36.000Z","decided":false,"proposal_id":"lost","rejections":[],"threshold":"3"}}}
{"accepted":{"submission":"sha256:1d1fb9cf8914ff68aaadda2c54d4df7862fd3c73bee99b377ad0e55d8adfc66f","entries":[{"ledger":"reasoning","index":"37","hash":"sha256:896efe5ea8db31a356408008e1cd184402cb833a4be62eabbe17b356d0dac6d4"},{"ledger":"reasoning","index":"38","hash":"sha256:a53638c8bca7ec8ab557c829424c29c9f8f88894e3ba898aa619537800ed51d7"}],"result":{"decided":false,"proposal_id":"late","result":"expired"}}}
"#;

/// shows: X-06
#[test]
fn the_stored_answers_have_these_bytes() {
    let stored: Vec<_> = STORED.trim().lines().map(String::from).collect();
    assert_eq!(answers(), stored);
}

/// The results of the stored answers.
fn results() -> Vec<Value> {
    let result = |line: &str| serde_json::from_str::<Value>(line).unwrap()["accepted"]["result"].take();
    STORED.trim().lines().map(result).collect()
}

/// Every result with a member more, a member less, another value for a member, and a list in its place.
fn altered(result: &Value) -> Vec<Value> {
    let members = result.as_object().unwrap();
    let mut all = vec![json!([result]), json!({"result": result}), Value::Null];
    for (name, value) in [("note", json!("more")), ("outcome", Value::Null), ("nonce", Value::Null)] {
        all.push(json!(members));
        all.last_mut().unwrap()[name] = value;
    }
    for (name, value) in members {
        let mut other = members.clone();
        other.remove(name);
        all.push(json!(other));
        for found in [json!(null), json!([value]), json!({"is": value}), json!("?"), json!(-1), json!(1.5)] {
            let mut other = members.clone();
            other.insert(name.clone(), found);
            all.push(json!(other));
        }
    }
    all
}

/// Every shape is in the list, is read, and is written as it was read.
#[test]
fn every_result_is_read_and_written_as_it_was_read() {
    let mut shapes = BTreeSet::new();
    for value in results() {
        let result: CommandResult = serde_json::from_value(value.clone()).unwrap();
        let bytes = (serde_json::to_string(&result).unwrap(), canon::to_canonical_of(&result));
        assert_eq!(bytes, (serde_json::to_string(&value).unwrap(), canon::to_canonical(&value)));
        let shape = format!("{result:?}");
        shapes.insert(shape.split(['(', ' ']).next().unwrap().to_owned());
    }
    let source = include_str!("../../protocol/src/response.rs");
    let listed = source.split("results! {").nth(1).unwrap().split("\n}").next().unwrap();
    let named = listed.lines().filter_map(|line| line.trim().split_once('(')).map(|(name, _)| name.to_owned());
    assert_eq!(shapes, named.collect());
}

/// The names of a value's members.
fn names(value: &Value) -> BTreeSet<String> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[test]
fn what_is_no_result_is_not_read() {
    let results = results();
    let known: BTreeSet<_> = results.iter().map(names).collect();
    let (mut tried, mut refused) = (0, 0);
    for value in results.iter().flat_map(altered) {
        tried += 1;
        match serde_json::from_value::<CommandResult>(value.clone()) {
            // Another text for a text, or a member less that makes it the result of something else.
            Ok(read) => assert_eq!((json!(read), known.contains(&names(&value))), (value, true)),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 600 && tried < refused + 40, "{refused} of {tried}");
    for (decided, result) in [(true, "rejected"), (false, "carried"), (true, "expired"), (false, "void")] {
        let members = json!({"approvals": [], "decided": decided, "proposal_id": "p", "rejections": [],
            "result": result, "threshold": "1"});
        serde_json::from_value::<CommandResult>(members).unwrap_err();
    }
    for members in [json!({"decided": true}), json!({"decided": false, "outcome": "VERIFIED"})] {
        serde_json::from_value::<CommandResult>(members).unwrap_err();
    }
}

/// shows: X-06
#[test]
fn a_stored_answer_that_cannot_be_read_stops_the_replica() {
    let mut world = World::new();
    let command = declare(declaration(), None);
    let once = envelope(Role::Operator, &operator(0), "once", command);
    world.send(&once).unwrap();
    let row = [&operator(0).public().id().as_bytes()[..], b"once"].concat();
    let stored = world.model.get(Table::Requests, &row).unwrap().unwrap();
    let text = String::from_utf8(stored[32..].to_vec()).unwrap();
    for (from, to) in
        [("\"new\":true", "\"new\":1"), ("\"new\":true,", ""), ("run_id", "run"), ("}}}", "},\"more\":1}}")]
    {
        let other = [&stored[..32], text.replace(from, to).as_bytes()].concat();
        assert_ne!(other, stored);
        world.model.commit(BTreeMap::from([((Table::Requests, row.clone()), Some(other))]));
        let batch = Batch {
            time: Timestamp::from_millis(world.millis),
            submissions: vec![prepare(&once.to_bytes(), &ItemLimits::default())],
        };
        let stopped = apply(&world.model, world.index + 1, &batch).unwrap_err();
        assert!(matches!(stopped, Fatal::Read(ReadError::Undecodable { .. })), "{stopped}");
    }
}
