"""``kong-vault manager``: vault entities of runtime groups, Config Stores, access and audit, behind one HTTP API.

Imports go down these layers only::

    app.py, serve.py        the ASGI application and the process around it
    page/                   the web page: a router per screen
    api/                    HTTP: routers, who is asking, bodies and error texts as Kong's and Konnect's
    service.py              Manager: opens the database and the master key, and holds the services
    vaults/  config_stores/  dataplane/   the domain: no HTTP, one session per call, errors of problems.py
    access/  groups/        users, tokens, sessions, policies; runtime groups and their revision
    audit/                  the hash-chained record of all of the above
    database/               tables, sessions, migrations
    settings.py, problems.py
"""
