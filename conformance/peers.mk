# Official releases beside 3.7.1, for reports that show where official etcd differs from itself.
#   make releases           .peers/bin/etcd-3.6 and etcd-3.5
#   make release-reports    docs/conformance-3.6.html and -3.5.html

RELEASES := .peers/bin

.PHONY: releases release-reports
releases: $(RELEASES)/.releases

$(RELEASES)/.releases: $(wildcard conformance/peers/*/go.mod conformance/peers/*/go.sum) conformance/peers/build.sh
	bash conformance/peers/build.sh $(RELEASES)
	@touch $@

release-reports: releases
	@mkdir -p docs
	-$(BIN)/python -m pyetcd.conformance.cli run --server $(RELEASES)/etcd-3.6 --any-release --title "official etcd 3.6" --html docs/conformance-3.6.html
	-$(BIN)/python -m pyetcd.conformance.cli run --server $(RELEASES)/etcd-3.5 --any-release --title "official etcd 3.5" --html docs/conformance-3.5.html
