"""Debian's python3-marathon over its whole surface. Its models are strict: a member that they do not know is an exception.

Usage: marathon_client.py URL. Ends with status 0 after printing "done", or with a traceback."""
import json
import sys
import threading
import time

from marathon import MarathonClient
from marathon.exceptions import ConflictError, MarathonHttpError, NotFoundError
from marathon.models import MarathonApp, MarathonGroup, MarathonHealthCheck
from marathon.models.constraint import MarathonConstraint


def eventually(what, holds, seconds=90):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = holds()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError('never: ' + what)


def quiet(client):
    eventually('no deployment', lambda: not client.list_deployments())


def small(**more):
    return MarathonApp(cmd='sleep 1000', cpus=0.1, mem=32, **more)


def refused(status, ask, kind=MarathonHttpError):
    try:
        ask()
    except kind as error:
        assert error.status_code == status, error
        return error
    raise AssertionError('was not refused')


def system(client, url):
    assert client.ping() == b'"pong"'
    info = client.get_info()
    assert info.name == 'marathon' and info.version.startswith('1.11.') and info.elected is True
    assert info.marathon_config is not None and info.zookeeper_config is not None and info.http_config is not None
    assert client.get_leader()['leader'] in url
    assert 'gauges' in client.get_metrics()


def apps(client):
    check = MarathonHealthCheck(protocol='COMMAND', command={'value': 'true'}, interval_seconds=1, grace_period_seconds=5, delay_seconds=0)
    wanted = small(
        instances=2, labels={'team': 'x', 'env': 'prod'}, env={'A': 'b'}, ports=[0, 0], health_checks=[check],
        constraints=[MarathonConstraint('hostname', 'GROUP_BY', '2')], user=None, backoff_seconds=2)
    made = client.create_app('/py/web', wanted)
    assert made.id == '/py/web' and len(made.deployments) == 1 and made.instances == 2
    assert made.constraints[0].operator == 'GROUP_BY'
    refused(409, lambda: client.create_app('/py/web', small()), ConflictError)
    error = refused(422, lambda: client.create_app('/py/bad', MarathonApp(cmd='x', args=['y'])))
    assert error.error_message == 'Object is not valid', error.error_message
    quiet(client)
    for embed in ['tasks', 'counts', 'deployments', 'readiness', 'last_task_failure', 'failures', 'task_stats']:
        if embed == 'task_stats':
            continue  # The client itself does not know the spelling that 1.10 and later send.
        client.list_apps(**{'embed_' + embed: True})
        client.get_app('/py/web', **{'embed_' + embed: True})
    assert [a.id for a in client.list_apps(cmd='SLEEP', app_id='py', label='team==x')] == ['/py/web']
    assert client.list_apps(label='team==y') == []
    found = client.get_app('py/web', embed_tasks=True)
    assert len(found.tasks) == 2 and found.tasks_running == 2
    task = found.tasks[0]
    assert task.app_id == '/py/web' and len(task.ports) == 2 and task.started_at is not None
    assert eventually('healthy', lambda: client.get_app('/py/web').tasks_healthy == 2)
    assert client.get_app('/py/web').tasks[0].health_check_results[0].alive is True
    assert len(client.list_tasks()) == 2 and len(client.list_tasks('/py/web')) == 2
    assert len(client.list_endpoints()) >= 2
    first = client.list_versions('/py/web')[0]
    assert client.get_version('/py/web', first).instances == 2
    client.update_app('/py/web', MarathonApp(labels={'team': 'z'}), force=True)
    client.scale_app('/py/web', delta=1)
    quiet(client)
    assert client.get_app('/py/web').instances == 3
    client.rollback_app('/py/web', first, force=True)
    quiet(client)
    assert client.get_app('/py/web').instances == 2 and client.get_app('/py/web').labels['team'] == 'x'
    client.restart_app('/py/web', force=True)
    quiet(client)
    client.update_apps([small(id='/py/web', instances=1), small(id='/py/two')])
    quiet(client)
    kills(client)
    refused(404, lambda: client.get_app('/py/none'), NotFoundError)
    refused(404, lambda: client.delete_app('/py/none'), NotFoundError)
    client.delete_app('/py/two', force=True)
    client.delete_app('/py/web', force=True)
    quiet(client)


def kills(client):
    running = lambda: [t for t in client.list_tasks('/py/web') if t.state == 'TASK_RUNNING']
    victim = eventually('a task', running)[0]
    assert client.kill_task('/py/web', victim.id).id == victim.id
    other = eventually('another task', lambda: [t for t in running() if t.id != victim.id])
    assert client.kill_given_tasks([other[0].id]) is True
    eventually('a third task', lambda: [t.id for t in running() if t.id not in (victim.id, other[0].id)] and len(running()) == 1)
    assert len(client.kill_tasks('/py/web', host='nowhere')) == 0
    [wiped] = client.kill_tasks('/py/web', wipe=True)
    eventually('a fourth task', lambda: [t for t in running() if t.id != wiped.id])
    assert 'deploymentId' in client.kill_tasks('/py/web', scale=True)
    quiet(client)
    assert client.get_app('/py/web').instances == 0


def queue(client):
    client.create_app('/py/huge', MarathonApp(cmd='x', cpus=10000, mem=32))
    item = eventually('a queue', lambda: [q for q in raw_queue(client) if q['app']['id'] == '/py/huge'])[0]
    assert item['count'] == 1 and item['delay']['overdue'] is True
    client.reset_delay('py/huge')
    [deployment] = eventually('a step', lambda: [d for d in client.list_deployments() if d.current_step >= 1])
    assert deployment.affected_apps == ['/py/huge']
    back = client.delete_deployment(deployment.id)
    assert back['deploymentId'] != deployment.id
    quiet(client)
    refused(404, lambda: client.get_app('/py/huge'), NotFoundError)
    client.create_app('/py/huge', MarathonApp(cmd='x', cpus=10000, mem=32))
    [deployment] = client.list_deployments()
    assert client.delete_deployment(deployment.id, force=True) == {}
    eventually('it to stop', lambda: not client.list_deployments())
    client.delete_app('/py/huge', force=True)
    quiet(client)


def raw_queue(client):
    # The packaged client does not know `role` of a queue item, which Marathon 1.9 and later send.
    return client._do_request('GET', '/v2/queue', params={'embed': 'lastUnusedOffers'}).json()['queue']


def groups(client):
    made = client.create_group(MarathonGroup(id='/pg', apps=[small(id='a', instances=2)], groups=[MarathonGroup(id='sub', apps=[small(id='b')])]))
    assert made['deploymentId']
    refused(409, lambda: client.create_group(MarathonGroup(id='/pg')), ConflictError)
    quiet(client)
    version = made['version']
    group = client.get_group('pg')
    assert group.id == '/pg' and [a.id for a in group.apps] == ['/pg/a'] and [g.id for g in group.groups] == ['/pg/sub']
    assert '/pg' in [g.id for g in client.list_groups()]
    client.scale_group('/pg', 2)
    quiet(client)
    assert client.get_app('/pg/a').instances == 4 and client.get_app('/pg/sub/b').instances == 2
    client.update_group('/pg', MarathonGroup(apps=[small(id='/pg/c')]), force=True)
    quiet(client)
    refused(404, lambda: client.get_app('/pg/a'), NotFoundError)
    client.rollback_group('pg', version, force=True)
    quiet(client)
    assert client.get_app('/pg/a').instances == 2
    client.delete_group('pg', force=True)
    quiet(client)
    refused(404, lambda: client.get_group('pg'), NotFoundError)


def main():
    url = sys.argv[1]
    client = MarathonClient([url])
    seen, raw = [], []
    # Its models of plans want the trees before and after, which Marathon 1.8 and later do not send: deployments are read raw.
    strict = ['api_post_event', 'status_update_event', 'group_change_success', 'instance_changed_event',
              'add_health_check_event', 'health_status_changed_event', 'app_terminated_event']

    def listen():
        for event in client.event_stream(event_types=strict):
            seen.append(event)

    def listen_raw():
        for text in client.event_stream(raw=True, event_types=['deployment_info', 'deployment_success']):
            raw.append(json.loads(text))

    threading.Thread(target=listen, daemon=True).start()
    threading.Thread(target=listen_raw, daemon=True).start()
    system(client, url)
    apps(client)
    queue(client)
    groups(client)
    kinds = {event.event_type for event in seen}
    assert kinds == set(strict), kinds
    assert {event['eventType'] for event in raw} == {'deployment_info', 'deployment_success'}, raw
    assert all(step['actions'][0]['action'] for event in raw for step in event['plan']['steps'])
    print('done', len(seen))


main()
